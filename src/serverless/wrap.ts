import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { wrongValue } from '../budget/index.js'
import type { FunctionConfiguration, Serverless } from './framework.js'
import { packagedFile, packFile } from './packaged-file.js'

/** The module that Lambda loads instead of the function's own, which it then loads and wraps. */
export const WRAPPER = packagedFile('handler.mjs')
const HANDLER = WRAPPER.place.replace(/mjs$/, 'handler')
/** What it is told the function's own handler by. */
const VARIABLE = 'PG_THAW_HANDLER'

/** Whether a handler is one that the wrapper could load. */
export function isOfNode({ runtime }: FunctionConfiguration, { service }: Serverless): boolean {
  return String(runtime ?? service.provider.runtime ?? 'nodejs').startsWith('nodejs')
}

/**
 * Has the wrapper packaged with a function.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` where nothing can be added to the package, or its variable is set by hand.
 */
export function packWrapper(
  name: string,
  configuration: FunctionConfiguration,
  { service }: Serverless,
  file: string,
): void {
  for (const [owner, environment] of [
    [`functions.${name}`, configuration.environment],
    ['provider', service.provider.environment],
  ] as const) {
    const value = environment?.[VARIABLE]
    if (value === undefined) continue
    throw wrongValue(
      file,
      `${owner}.environment.${VARIABLE}`,
      `none, as custom.pgThaw.functions.${name}.wrap sets it`,
      value,
    )
  }
  if (packFile(WRAPPER, configuration, service)) return
  throw notPackable(file, name, 'it is an image or a ready package, which nothing can be added to')
}

/**
 * Has Lambda load the wrapper, which finds the function's own handler by a variable. Done once the package is there: until then the
 * handler says what is bundled.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` where whoever made the package left the wrapper out: no environment would start.
 */
export function wrapPackaged(
  name: string,
  configuration: FunctionConfiguration,
  { service, serviceDir }: Serverless,
  file: string,
): void {
  const { handler } = configuration
  if (handler === undefined || handler === HANDLER) return
  const artifact = configuration.package?.artifact ?? service.package?.artifact
  // Names stand in a zip as they are.
  if (artifact !== undefined && !readFileSync(resolve(serviceDir, artifact)).includes(WRAPPER.place)) {
    throw notPackable(file, name, `what made its package left ${WRAPPER.place} out`)
  }
  configuration.environment = { ...configuration.environment, [VARIABLE]: handler }
  configuration.handler = HANDLER
}

function notPackable(file: string, name: string, why: string): Error {
  const expected = `false, and \`wrapHandler\` in the code of functions.${name}, as ${why}`
  return wrongValue(file, `custom.pgThaw.functions.${name}.wrap`, expected, true)
}
