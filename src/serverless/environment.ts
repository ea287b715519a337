import { wrongValue } from './errors.js'
import type { FunctionConfiguration } from './framework.js'
import type { FunctionSettings } from './settings.js'

/**
 * Hands a function what the budget was drawn up with, so that the pool and the budget can't disagree: `PG_THAW_MAX`, `PG_THAW_MIN`
 * and `PG_THAW_TARGET`. A function that opens no sessions gets none of them.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` if one of them is set by hand to something else.
 */
export function setPoolVariables(
  name: string,
  configuration: FunctionConfiguration,
  { max, min, target }: FunctionSettings,
  common: Readonly<Record<string, unknown>>,
  file: string,
): void {
  const variables = max === 0 ? {} : { PG_THAW_MAX: String(max), PG_THAW_MIN: String(min), PG_THAW_TARGET: target }
  for (const variable of ['PG_THAW_MAX', 'PG_THAW_MIN', 'PG_THAW_TARGET'] as const) {
    const own = configuration.environment?.[variable]
    const value = own ?? common[variable]
    const meant = (variables as Partial<Record<typeof variable, string>>)[variable]
    if (value === undefined || String(value) === meant) continue
    const option = variable.slice('PG_THAW_'.length).toLowerCase()
    throw wrongValue(
      file,
      `${own === undefined ? 'provider' : `functions.${name}`}.environment.${variable}`,
      `none, as custom.pgThaw.functions.${name}.${option} sets it`,
      value,
    )
  }
  configuration.environment = { ...configuration.environment, ...variables }
}
