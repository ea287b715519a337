import type { BoundStatement } from '../../connection/statements/pooled-query.js'
import { nonNegativeInteger, oneOf, refuse, typed, wrongValue } from '../../options/option-checks.js'

/** How far a transaction is kept apart from others (PostgreSQL's documentation, "Transaction Isolation"). */
export type Isolation = 'read uncommitted' | 'read committed' | 'repeatable read' | 'serializable'

const ISOLATIONS: readonly Isolation[] = ['read uncommitted', 'read committed', 'repeatable read', 'serializable']

/** What a transaction may be, as its BEGIN says. */
export interface TransactionMode {
  /** Default: that of the session. With `'serializable'`, `retries` are the other half. */
  readonly isolation?: Isolation | undefined
  readonly readOnly?: boolean | undefined
  /** For a serializable one that only reads: waits until it can't conflict. */
  readonly deferrable?: boolean | undefined
  /**
   * Settings for this transaction alone (`set_config(name, value, true)`), for row-level security by tenant, for instance. They leave with
   * the begin, as parameters.
   */
  readonly settings?: Readonly<Record<string, string | number | boolean>> | undefined
}

/** A setting's name, perhaps of an extension or of one's own: `app.tenant`. */
const SETTING_NAME = /^[a-z_][\w$]*(\.[a-z_][\w$]*)*$/i

const flag = typed('true or false', 'boolean')

/**
 * What goes ahead of a transaction's first statement: its BEGIN, then its settings.
 *
 * @throws {PoolOptionError} that names what is wrong; nothing is sent then.
 */
export function beginOf({
  isolation,
  readOnly,
  deferrable,
  settings,
}: TransactionMode): [BoundStatement, ...BoundStatement[]] {
  const isUnknown = isolation !== undefined && oneOf(...ISOLATIONS)(isolation)
  refuse('isolation', isUnknown, isolation)
  refuse('readOnly', readOnly !== undefined && flag(readOnly), readOnly)
  refuse('deferrable', deferrable !== undefined && flag(deferrable), deferrable)
  const words = ['BEGIN']
  if (isolation !== undefined) words.push(`ISOLATION LEVEL ${isolation.toUpperCase()}`)
  if (readOnly !== undefined) words.push(readOnly ? 'READ ONLY' : 'READ WRITE')
  if (deferrable !== undefined) words.push(deferrable ? 'DEFERRABLE' : 'NOT DEFERRABLE')
  const begin = { text: words.join(' ') }
  const values = settingsOf(settings)
  if (values.length === 0) return [begin]
  const calls = values.flatMap((_, at) => (at % 2 === 0 ? [`set_config($${at + 1}, $${at + 2}, true)`] : []))
  return [begin, { text: `SELECT ${calls.join(', ')}`, values }]
}

/** Names and values in turn. */
function settingsOf(settings: unknown): string[] {
  if (settings === undefined) return []
  refuse('settings', (typeof settings !== 'object' || settings === null) && 'an object of names and values', settings)
  return Object.entries(settings as Record<string, unknown>).flatMap(([name, value]) => {
    if (!SETTING_NAME.test(name)) throw wrongValue('settings', "names of settings, such as 'app.tenant'", name)
    const isText = ['string', 'number', 'boolean'].includes(typeof value)
    refuse(`settings.${name}`, !isText && 'a string, a number or a boolean', value)
    return [name, String(value)]
  })
}

/** @throws {PoolOptionError} when it is no non-negative integer. */
export function retriesOf(retries: unknown = 0): number {
  refuse('retries', nonNegativeInteger(retries), retries)
  return retries as number
}
