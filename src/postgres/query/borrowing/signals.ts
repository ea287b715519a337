import { PoolError, type Retry } from '../../../pool/errors.js'

/** Who listens to each signal. */
const listening = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `aborted` once when the signal is aborted; the returned function takes that back. However many listen here, the signal has
 * one listener: it is the user's own, who may give it to a hundred queries.
 */
export function onAbort(signal: AbortSignal, aborted: () => void): () => void {
  let listeners = listening.get(signal)
  if (listeners === undefined) {
    listeners = new Set()
    listening.set(signal, listeners)
    signal.addEventListener('abort', tellAll)
  }
  const own = () => aborted()
  listeners.add(own)
  return () => {
    if (!listeners.delete(own) || listeners.size > 0 || listening.get(signal) !== listeners) return
    listening.delete(signal)
    signal.removeEventListener('abort', tellAll)
  }
}

function tellAll(this: AbortSignal): void {
  const listeners = listening.get(this)
  listening.delete(this)
  this.removeEventListener('abort', tellAll)
  for (const listener of listeners ?? []) listener()
}

/** What an aborted query is rejected with; `safe` where it was never sent. */
export function queryAborted(cause: unknown, retry: Retry): PoolError {
  return new PoolError('POOL_QUERY_ABORTED', 'the query was aborted', { cause, retry })
}
