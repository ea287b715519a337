import { type FunctionSettings, WORKER_COUNT, wrongValue } from '../budget/index.js'
import type { FunctionConfiguration } from './framework.js'

/** The variables, by the setting that each comes from. */
const VARIABLES = { max: 'PG_THAW_MAX', min: 'PG_THAW_MIN', target: 'PG_THAW_TARGET', workers: WORKER_COUNT } as const

/**
 * Hands a function what the budget was drawn up with, so that the pool and the budget can't disagree: `PG_THAW_MAX`, `PG_THAW_MIN`
 * and `PG_THAW_TARGET`, and for Lambda the number of workers. Only what was given: else the pool knows better, and what the function's
 * own environment says holds. A function that opens no sessions gets none of them.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` if one of them is set by hand to something else.
 */
export function setPoolVariables(
  name: string,
  configuration: FunctionConfiguration,
  settings: FunctionSettings,
  common: Readonly<Record<string, unknown>>,
  file: string,
): void {
  if (settings.max === 0) return
  const variables: Record<string, string> = {}
  for (const [option, variable] of Object.entries(VARIABLES)) {
    const setting = settings[option as keyof typeof VARIABLES]
    if (setting === undefined) continue
    const meant = String(setting)
    variables[variable] = meant
    const own = configuration.environment?.[variable]
    const value = own ?? common[variable]
    if (value === undefined || String(value) === meant) continue
    throw wrongValue(
      file,
      `${own === undefined ? 'provider' : `functions.${name}`}.environment.${variable}`,
      `none, as custom.pgThaw.functions.${name}.${option} sets it`,
      value,
    )
  }
  if (Object.keys(variables).length === 0) return
  configuration.environment = { ...configuration.environment, ...variables }
}
