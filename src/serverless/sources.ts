import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Says which file of a service a key stands in: what an error names has to be found. */
export interface Sources {
  /** The service's own configuration, such as `serverless.yml`. */
  readonly configuration: string
  /** The file in which a resource is written, relative to the service; the configuration if it is in no other. */
  fileOf(logicalId: string): string
}

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
