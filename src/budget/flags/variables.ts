import { type Resource, record } from '../template.js'

const VARIABLES: Readonly<Record<string, string>> = { max: 'PG_THAW_MAX', min: 'PG_THAW_MIN', target: 'PG_THAW_TARGET' }

/** The variable of a function's environment that its pool reads an option from, if there is one. */
export function variableOf(option: string): string | undefined {
  return Object.hasOwn(VARIABLES, option) ? VARIABLES[option] : undefined
}

/** What a function's environment says of an option, as far as it is known before the deployment. */
export function variableIn(resource: Resource | undefined, option: string): string | undefined {
  const value = record(record(resource?.Properties.Environment).Variables)[variableOf(option) ?? '']
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}
