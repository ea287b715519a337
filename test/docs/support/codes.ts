import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What has the form of a code, and is the name of an environment variable. (PG_THAW_TARGET is both.) */
const variables = new Set(['PG_THAW_MAX', 'PG_THAW_MIN', 'PG_THAW_GOODBYE'])

/** The codes that stand in a text, each once. */
export function codesIn(text: string): string[] {
  const found = [...text.matchAll(/\b(?:POOL|CREDENTIALS|LAMBDA|PG_THAW)_[A-Z_]*[A-Z]\b/g)].map(([code]) => code)
  return [...new Set(found)].filter((code) => !variables.has(code)).sort()
}

/** The codes that the library has, which are literals in its sources; on request only those of one room. */
export function codesOfTheLibrary(isMeant: (file: string) => boolean = () => true): string[] {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => /\.m?ts$/.test(file))
  const texts = files.filter(isMeant).map((file) => readFileSync(join('src', file), 'utf8'))
  return codesIn(texts.flatMap((text) => text.match(/'[A-Z_]+'/g) ?? []).join('\n'))
}

/** The codes of the process warnings: those of the budget and the plugin, and of a handler that is not found, are errors. */
export function warningsOfTheLibrary(): string[] {
  const errors = ['budget', 'serverless', join('lambda', 'faces')]
  return codesOfTheLibrary((file) => !errors.some((room) => file.startsWith(room))).filter((code) =>
    code.startsWith('PG_THAW_'),
  )
}
