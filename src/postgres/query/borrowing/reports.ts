import { LEAK, type LeakReport } from '../../../registry/channels.js'
import { isBusy, isUsable, type PgClient } from '../../connection/pg-client.js'
import { type Borrower, borrowerOf } from './borrower.js'

export function publishLeak(pool: object, borrower: Borrower | undefined, returned: boolean): void {
  if (!LEAK.hasSubscribers) return
  LEAK.publish({ pool, acquiredAt: placeOf(borrower?.asked.stack), returned } satisfies LeakReport)
}

/** Enough to know where programs go wrong; one that goes wrong in more places has been told. */
const MOST_PLACES = 100
const told = new Set<string>()

/** A process warning for what somebody's work was, or will be, lost by: once for each place in the program. */
export function warnOnce(code: string, message: string, stacks: readonly (string | undefined)[]): void {
  const places = stacks.map((it) => placeOf(it) ?? '    (it is not known where)').filter((it) => !told.has(code + it))
  if (places.length === 0 || told.size >= MOST_PLACES) return
  for (const place of places) told.add(code + place)
  process.emitWarning(message, { type: 'PgThawWarning', code, detail: [...new Set(places)].join('\n\n') })
}

/** The frames of a stack that are the program's own. */
function placeOf(stack: string | undefined): string | undefined {
  const frames = stack?.split('\n').filter((line) => line.startsWith('    at '))
  return frames === undefined || frames.length === 0 ? undefined : frames.join('\n')
}

/** A client came back with a transaction open, or at work: what that was is lost to whoever thought otherwise. */
export function warnOfDirtyReturn(client: PgClient, label: unknown): void {
  const status = client.getTransactionStatus?.()
  const isOpen = status === 'T' || status === 'E'
  if (!isUsable(client) || !(isOpen || isBusy(client))) return
  const what = isOpen
    ? 'with a transaction open, which was rolled back'
    : 'while a query ran on it, which was cancelled'
  const { stack } = borrowerOf(label)?.asked ?? new Error()
  warnOnce('PG_THAW_DIRTY_RETURN', `A client was released ${what}`, [stack])
}
