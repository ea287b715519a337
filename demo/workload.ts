import { setTimeout as pause } from 'node:timers/promises'
import type { InvocationRecord, LocalLambda } from 'pg-thaw/testing'
import type { NewOrder } from '../infra/functions/new-order'

/** The times of the demo: Lambda's minutes as seconds, the same for every contender. */
export const workload = {
  /** Calls at once, and so environments: enough for a crowd, few enough that two cores start them in seconds. */
  callers: 16,
  /** One cold, one that shows that the environment is reused, and some that profit from it. */
  callsPerCaller: 6,
  /** Between two calls of one caller: long enough for its environment to be frozen in between. */
  thinkMillis: 100,
  /**
   * The server closes a session that idles for longer, as a DBA sets it. It is shorter than the lull, and longer than
   * `settleMillis` by more than a burst takes: what is left behind is counted before the server cleans up by itself.
   */
  serverIdleMillis: 7_000,
  /** No calls at all, until the server has closed every idle session. */
  lullMillis: 8_500,
  /** From scale-in until the sessions left behind are counted. */
  settleMillis: 5_000,
  /** The function's timeout: far more than a call needs, so that a slow machine does not fail anybody. */
  timeoutMillis: 10_000,
} as const

/** What each call orders. */
const order: NewOrder = { customer: 'Ada', lines: [{ product: 'tea', quantity: 2 }] }

/** A stretch of the workload that is over. */
export interface Phase {
  name: string
  calls: readonly InvocationRecord[]
}

/** Drives burst, lull, burst and scale-in without a goodbye; throws as soon as `signal` is aborted. */
export async function* drive(lambda: LocalLambda, signal: AbortSignal): AsyncGenerator<Phase, void, void> {
  yield { name: 'burst', calls: await unlessAborted(burst(lambda), signal) }
  await pause(workload.lullMillis, undefined, { signal })
  yield { name: 'lull', calls: [] }
  yield { name: 'second burst', calls: await unlessAborted(burst(lambda), signal) }
  await lambda.vanish()
  await pause(workload.settleMillis, undefined, { signal })
  yield { name: 'fleet gone', calls: [] }
}

async function burst(lambda: LocalLambda): Promise<InvocationRecord[]> {
  const callers = Array.from({ length: workload.callers }, async () => {
    const records: InvocationRecord[] = []
    for (let call = 0; call < workload.callsPerCaller; call++) {
      if (call > 0) await pause(workload.thinkMillis)
      records.push(await lambda.invoke(order))
    }
    return records
  })
  return (await Promise.all(callers)).flat()
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return Promise.race([work, aborted])
}
