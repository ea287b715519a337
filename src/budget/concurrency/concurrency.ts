import type { Deployment } from '../deployment.js'
import { missingValue, type Problems, wrongProperty, wrongValue } from '../errors.js'
import { unknownBecause } from '../expressions.js'
import { isPooled } from '../settings/settings.js'
import { asCount, type Resources, record, referenced } from '../template.js'
import { isManaged, managedBound } from './managed-instances.js'

/** What bounds the environments of a function that exist at once. */
export type Bound =
  /** Its reserved concurrency: Lambda never runs more. */
  | { readonly kind: 'reserved'; readonly environments: number; readonly provisioned: number }
  /** Managed Instances: as many environments as the scaling configuration allows, each with workers of its own. */
  | { readonly kind: 'managed'; readonly environments: number; readonly workers: number }
  /** Nothing of its own: it shares what the account has left. Provisioned concurrency is no bound, calls beyond it spill over. */
  | { readonly kind: 'account'; readonly provisioned: number }

/** The bounds of all functions, and what is left of the account for those without one. */
export interface Concurrency {
  /** Without those that can't be told. */
  readonly bounds: Readonly<Record<string, Bound>>
  /** Environments that the functions without a bound can have together. */
  readonly shared: number
}

/** Lambda's default per account and region. */
const ACCOUNT_CONCURRENCY = 1000
/** Lambda refuses to reserve so much that less than this is left for all other functions. */
const NEVER_RESERVED = 100

/** Reads from the template how many environments each function may have. What can't be told is noted. */
export function readConcurrency(deployment: Deployment, problems: Problems): Concurrency {
  const { settings, logicalIds, resources } = deployment
  const provisioned = provisionedIn(resources)
  const bounds: Record<string, Bound> = {}
  let reserved = 0
  for (const [name, id] of Object.entries(logicalIds)) {
    const bound = isPooled(settings, name)
      ? problems.attempt(() => boundOf(name, id, provisioned.get(id), deployment))
      : boundWithoutPool(id, resources)
    if (bound === undefined) continue
    bounds[name] = bound
    if (bound.kind === 'reserved') reserved += bound.environments
  }
  problems.attempt(() => checkReserved(reserved, bounds, deployment))
  return { bounds, shared: Math.max(0, (settings.accountConcurrency ?? ACCOUNT_CONCURRENCY) - reserved) }
}

function checkReserved(
  reserved: number,
  bounds: Readonly<Record<string, Bound>>,
  { settings, logicalIds, sources, wording }: Deployment,
): void {
  const account = settings.accountConcurrency ?? ACCOUNT_CONCURRENCY
  if (reserved === 0 || reserved <= account - NEVER_RESERVED) return
  const setting = wording.setting('accountConcurrency')
  if (settings.accountConcurrency === undefined) {
    const expected = `your account's limit of concurrent executions, as ${reserved} are reserved, and Lambda's default is ${account}, of which it keeps ${NEVER_RESERVED} unreserved`
    throw missingValue(sources.configuration, setting, expected)
  }
  const [name, second] = Object.keys(bounds).filter((each) => bounds[each]?.kind === 'reserved')
  const isAlone = second === undefined
  throw wrongValue(
    isAlone ? sources.fileOf(String(logicalIds[String(name)])) : sources.configuration,
    wording.concurrency('reserved', isAlone ? String(name) : '*'),
    `at most ${Math.max(0, account - NEVER_RESERVED)} in all, as Lambda keeps ${NEVER_RESERVED} of the account's ${account} (${setting}) unreserved`,
    reserved,
  )
}

function boundOf(name: string, id: string, ready: unknown, deployment: Deployment): Bound {
  const { resources, wording, sources } = deployment
  const { Properties = {} } = resources[id] ?? {}
  if (isManaged(Properties)) return managedBound(name, id, deployment)

  const file = sources.fileOf(id)
  const { ReservedConcurrentExecutions: written } = Properties
  const answer = unknownBecause(written) === undefined ? '' : ` (or set ${wording.setting('environments', name)})`
  const reserved = count(file, wording.concurrency('reserved', name), written, answer)
  // It is in no sum, so where it can't be known nobody is asked.
  const isKnown = unknownBecause(ready) === undefined
  const provisioned = isKnown ? (count(file, wording.concurrency('provisioned', name), ready) ?? 0) : 0
  if (reserved === undefined) return { kind: 'account', provisioned }
  if (provisioned > reserved) {
    const expected = `at most its reserved concurrency (${reserved})`
    throw wrongValue(file, wording.concurrency('provisioned', name), expected, provisioned)
  }
  return { kind: 'reserved', environments: reserved, provisioned }
}

/** What it may have takes from the account, and asks nobody. */
function boundWithoutPool(id: string, resources: Resources): Bound {
  const environments = asCount(resources[id]?.Properties.ReservedConcurrentExecutions)
  return environments === undefined
    ? { kind: 'account', provisioned: 0 }
    : { kind: 'reserved', environments, provisioned: 0 }
}

/** What is provisioned for functions, by their logical ids. */
function provisionedIn(resources: Resources): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>()
  for (const { Type, Properties } of Object.values(resources)) {
    if (Type !== 'AWS::Lambda::Alias') continue
    const id = referenced(Properties.FunctionName)
    const { ProvisionedConcurrentExecutions: provisioned } = record(Properties.ProvisionedConcurrencyConfig)
    if (id !== undefined && provisioned !== undefined && !found.has(id)) found.set(id, provisioned)
  }
  return found
}

function count(file: string, key: string, value: unknown, answer = ''): number | undefined {
  if (value === undefined || value === null) return undefined
  const number = asCount(value)
  if (number === undefined) throw wrongProperty(file, key, `an integer of 0 or more${answer}`, value)
  return number
}
