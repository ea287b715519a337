import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where Lambda unpacks a function. */
export const TASK_ROOT = '/var/task'

/** A built file of this package that goes into the packages of functions. */
export interface OwnFile {
  /** Its name in `dist/`. */
  readonly name: string
  /** Where it is in the package. An ES module by its extension, whatever the function's package.json says. */
  readonly place: string
}

/** What registers for the signal at the environment's end. */
export const GOODBYE: OwnFile = { name: 'goodbye.mjs', place: '.pg-thaw/goodbye.mjs' }
/** What Lambda loads instead of the function's own module, which it then loads and wraps. */
export const WRAPPER: OwnFile = { name: 'handler.mjs', place: '.pg-thaw/handler.mjs' }

export function contentOf({ name }: OwnFile): Buffer {
  // The plugin is bundled into a folder of its own.
  return readFileSync(join(__dirname, '..', name))
}
