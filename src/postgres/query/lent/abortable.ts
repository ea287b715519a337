import { wrongValue } from '../../options/option-checks.js'
import { onAbort, queryAborted } from '../borrowing/signals.js'
import type { LentClient } from './lent-client.js'

type Settled = (error: unknown, result?: unknown) => void

/** A query of a lent client that may be aborted. */
export interface Abortable {
  /** As it was given. */
  readonly signal: unknown
  /** Asks for it; whatever it comes to is told once. */
  ask(settled: Settled): void
  /** Whether something leaves with it that has to come before whatever is asked next. */
  readonly carriesBegin: boolean
  /** Whether it is still the same loan's. */
  isLent(): boolean
  /** Gives the client up: what runs is cancelled on the server, and what waits fails with the error. */
  giveUp(error: Error): void
}

/**
 * Runs a query until its signal is aborted. One that is still in pg's queue then is taken out of it, and nothing else happens. One that
 * has been sent can't be told from what comes behind it: its client is given up, as at a deadline.
 */
export function untilAborted(client: LentClient, query: Abortable, tell: Settled): void {
  const { signal } = query
  if (!(signal instanceof AbortSignal)) return tell(wrongValue('signal', 'an AbortSignal', signal))
  if (signal.aborted) return tell(queryAborted(signal.reason, 'safe'))
  let isOver = false
  let stop: (() => void) | undefined
  const settled: Settled = (error, result) => {
    if (isOver) return
    isOver = true
    stop?.()
    tell(error, result)
  }
  const last = client._queryQueue?.at(-1)
  query.ask(settled)
  const queued = client._queryQueue?.at(-1)
  const waiting = queued === last || query.carriesBegin ? undefined : queued
  if (isOver) return
  stop = onAbort(signal, () => {
    // Its borrower has been cut off, and has heard of that, or is to hear nothing any more.
    if (!query.isLent()) return
    const place = waiting === undefined ? -1 : (client._queryQueue?.indexOf(waiting) ?? -1)
    if (place >= 0) {
      client._queryQueue?.splice(place, 1)
      return settled(queryAborted(signal.reason, 'safe'))
    }
    settled(queryAborted(signal.reason, 'unknown'))
    query.giveUp(queryAborted(signal.reason, 'unknown'))
  })
}
