import { wrongValue } from './errors.js'
import { isManaged, managedBound } from './managed-instances.js'
import { asCount, type Settings } from './settings.js'
import { type Resources, record, referenced } from './template.js'

/** What bounds the environments of a function that exist at once. */
export type Bound =
  /** Its reserved concurrency: Lambda never runs more. */
  | { readonly kind: 'reserved'; readonly environments: number }
  /** Managed Instances: as many environments as the scaling configuration allows, each with workers of its own. */
  | { readonly kind: 'managed'; readonly environments: number; readonly workers: number }
  /** Nothing of its own: it shares what the account has left. Provisioned concurrency is no bound, calls beyond it spill over. */
  | { readonly kind: 'account' }

/** The bounds of all functions, and what is left of the account for those without one. */
export interface Concurrency {
  readonly bounds: Readonly<Record<string, Bound>>
  /** Environments that the functions without a bound can have together. */
  readonly shared: number
}

/** Lambda refuses to reserve so much that less than this is left for all other functions. */
const NEVER_RESERVED = 100

/**
 * Reads from the template how many environments each function may have.
 *
 * @param logicalIds the logical id of each function of the service.
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` for a concurrency that can't be.
 */
export function readConcurrency(
  resources: Resources,
  logicalIds: Readonly<Record<string, string>>,
  settings: Settings,
  file: string,
): Concurrency {
  const bounds: Record<string, Bound> = {}
  let reserved = 0
  for (const [name, id] of Object.entries(logicalIds)) {
    const bound = boundOf(name, id, resources, settings, file)
    bounds[name] = bound
    if (bound.kind === 'reserved') reserved += bound.environments
  }
  const { accountConcurrency } = settings
  if (reserved > 0 && reserved > accountConcurrency - NEVER_RESERVED) {
    const names = Object.keys(bounds).filter((name) => bounds[name]?.kind === 'reserved')
    throw wrongValue(
      file,
      names.length === 1 ? `functions.${names[0]}.reservedConcurrency` : 'functions.*.reservedConcurrency',
      `at most ${Math.max(0, accountConcurrency - NEVER_RESERVED)} in all, as Lambda keeps ${NEVER_RESERVED} of the account's ${accountConcurrency} (custom.pgThaw.accountConcurrency) unreserved`,
      reserved,
    )
  }
  return { bounds, shared: accountConcurrency - reserved }
}

/**
 * Checks the concurrencies that are written out, and not behind a variable: the framework's own schema, which comes later, refuses
 * them without saying where.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` for a concurrency that can't be.
 */
export function checkWrittenConcurrency(functions: unknown, file: string): void {
  for (const [name, configuration] of Object.entries(record(functions))) {
    for (const key of ['reservedConcurrency', 'provisionedConcurrency']) {
      const value = record(configuration)[key]
      const isVariable = typeof value === 'string' && value.includes('${')
      if (!isVariable && typeof value !== 'object') count(file, `functions.${name}.${key}`, value)
    }
  }
}

function boundOf(name: string, id: string, resources: Resources, settings: Settings, file: string): Bound {
  const key = `functions.${name}`
  const { Properties = {} } = resources[id] ?? {}
  if (isManaged(Properties)) return managedBound(name, id, resources, settings.functions[name]?.workers, file)

  const reserved = count(file, `${key}.reservedConcurrency`, Properties.ReservedConcurrentExecutions)
  const provisioned = count(file, `${key}.provisionedConcurrency`, provisionedOf(id, resources))
  if (reserved === undefined) return { kind: 'account' }
  if (provisioned !== undefined && provisioned > reserved) {
    throw wrongValue(
      file,
      `${key}.provisionedConcurrency`,
      `at most its reservedConcurrency (${reserved})`,
      provisioned,
    )
  }
  return { kind: 'reserved', environments: reserved }
}

function provisionedOf(id: string, resources: Resources): unknown {
  for (const { Type, Properties } of Object.values(resources)) {
    if (Type !== 'AWS::Lambda::Alias' || referenced(Properties.FunctionName) !== id) continue
    const config = record(Properties.ProvisionedConcurrencyConfig)
    if (config.ProvisionedConcurrentExecutions !== undefined) return config.ProvisionedConcurrentExecutions
  }
  return undefined
}

function count(file: string, key: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  const number = asCount(value)
  if (number === undefined) throw wrongValue(file, key, 'an integer of 0 or more', value)
  return number
}
