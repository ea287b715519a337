import { wrongValue } from './errors.js'
import type { FunctionConfiguration } from './framework.js'
import { WORKER_COUNT } from './managed-instances.js'
import type { FunctionSettings } from './settings.js'

/** The variables, by the setting that each comes from. */
const VARIABLES = { max: 'PG_THAW_MAX', min: 'PG_THAW_MIN', target: 'PG_THAW_TARGET', workers: WORKER_COUNT } as const

/**
 * Hands a function what the budget was drawn up with, so that the pool and the budget can't disagree: `PG_THAW_MAX`, `PG_THAW_MIN`
 * and `PG_THAW_TARGET`, and for Lambda the number of workers. `min` and the workers only where they were given: else both know better. A function that opens no sessions gets none of them.
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
  const variables: Record<string, string> = {}
  for (const [option, variable] of Object.entries(VARIABLES)) {
    const setting = option === 'min' ? settings.givenMin : settings[option as keyof typeof VARIABLES]
    const meant = settings.max === 0 || setting === undefined ? undefined : String(setting)
    if (meant !== undefined) variables[variable] = meant
    const own = configuration.environment?.[variable]
    const value = own ?? common[variable]
    const isOurs = option !== 'workers' || meant !== undefined
    if (value === undefined || String(value) === meant || !isOurs) continue
    throw wrongValue(
      file,
      `${own === undefined ? 'provider' : `functions.${name}`}.environment.${variable}`,
      `none, as custom.pgThaw.functions.${name}.${option} sets it`,
      value,
    )
  }
  configuration.environment = { ...configuration.environment, ...variables }
}
