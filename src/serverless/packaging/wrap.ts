import { type BudgetError, wrongValue } from '../../budget/index.js'
import type { FunctionConfiguration, Serverless } from '../framework.js'
import { WRAPPER } from './own-file.js'

/** Lambda's setting for a function that is wrapped. */
const HANDLER = WRAPPER.place.replace(/mjs$/, 'handler')
/** What the wrapper is told the function's own handler by. */
const VARIABLE = 'PG_THAW_HANDLER'

/** Whether it is the wrapper that Lambda calls. */
function isWrapper(handler: unknown): boolean {
  return handler === HANDLER
}

/** The wrapper's variable, if it is set by hand. */
export function refusedVariable(
  name: string,
  { environment, handler }: FunctionConfiguration,
  { service }: Serverless,
  file: string,
): BudgetError | undefined {
  if (isWrapper(handler)) return undefined
  for (const [owner, variables] of [
    [`functions.${name}`, environment],
    ['provider', service.provider.environment],
  ] as const) {
    const value = variables?.[VARIABLE]
    if (value === undefined) continue
    const expected = `none, as custom.pgThaw.functions.${name}.wrap sets it`
    return wrongValue(file, `${owner}.environment.${VARIABLE}`, expected, value)
  }
  return undefined
}

/** Says that a function can't be wrapped: it was asked for by name, so it is not left out in silence. */
export function refusedWrap(name: string, why: string, file: string): BudgetError {
  const expected = `false, and \`wrapHandler\` in the code of functions.${name}, as ${why}`
  return wrongValue(file, `custom.pgThaw.functions.${name}.wrap`, expected, true)
}

/**
 * Has Lambda load the wrapper, which finds the function's own handler by a variable. Only once the package is there: until then the
 * handler says what is bundled.
 */
export function wrapPackaged(configuration: FunctionConfiguration): void {
  const { handler } = configuration
  if (handler === undefined || isWrapper(handler)) return
  configuration.environment = { ...configuration.environment, [VARIABLE]: handler }
  configuration.handler = HANDLER
}
