import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Sources } from '../budget/index.js'

/** The files of a configuration, as far as they can be found. */
export interface ConfigurationFiles {
  readonly texts: readonly string[]
  /** Whether these are all: the name of one may be a variable, and one that is a program may load any. */
  readonly areAll: boolean
}

/** A service's sources, and the files themselves. */
export interface ServiceSources extends Sources {
  files(): ConfigurationFiles
}

/** Looks through the configuration and the files that its `${file(…)}` variables name. Nothing is parsed: a key is a key in any. */
export function findSources(directory: string, configuration = 'serverless.yml'): ServiceSources {
  const texts = new Map<string, string>()
  let areAll = true
  const visit = (file: string): void => {
    if (texts.has(file)) return
    const text = textOf(join(directory, file))
    if (text === undefined) {
      areAll = false
      return
    }
    texts.set(file, text)
    if (!/\.(ya?ml|json)$/.test(file)) areAll = false
    for (const [, named = ''] of text.matchAll(/\bfile\(([^()]+)\)/g)) visit(named.trim().replace(/^\.\//, ''))
  }
  const read = () => {
    if (texts.size === 0) visit(configuration)
  }
  return {
    configuration,
    fileOf(logicalId) {
      read()
      const key = new RegExp(`^\\s+(['"]?)${logicalId}\\1\\s*:`, 'm')
      for (const [file, text] of texts) if (key.test(text)) return file
      return configuration
    },
    files() {
      read()
      return { texts: [...texts.values()], areAll }
    },
  }
}

/** What can't be read is for the framework to refuse, if it needs it: a comment may name a folder. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
