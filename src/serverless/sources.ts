import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Sources } from '../budget/index.js'

/** Looks through the configuration and the files that its `${file(…)}` variables name. Nothing is parsed: a key is a key in any. */
export function findSources(directory: string, configuration = 'serverless.yml'): Sources {
  const texts = new Map<string, string>()
  const visit = (file: string): void => {
    if (texts.has(file) || !existsSync(join(directory, file))) return
    const text = readFileSync(join(directory, file), 'utf8')
    texts.set(file, text)
    for (const [, named = ''] of text.matchAll(/\$\{file\(([^()]+)\)/g)) visit(named.trim().replace(/^\.\//, ''))
  }
  return {
    configuration,
    fileOf(logicalId) {
      if (texts.size === 0) visit(configuration)
      const key = new RegExp(`^\\s+(['"]?)${logicalId}\\1\\s*:`, 'm')
      for (const [file, text] of texts) if (key.test(text)) return file
      return configuration
    },
  }
}
