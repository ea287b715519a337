import type { InvocationRecord } from 'pg-thaw/testing'
import type { Contender } from './bundle'
import type { DemoDatabase } from './database'
import { startLambda } from './lambda'
import { watchSessions } from './sessions'
import { failuresIn, type Summary, summarizeCalls } from './summary'
import { drive, workload } from './workload'

/** Sends the workload through one contender, on a fleet of its own. */
export async function compete(
  contender: Contender,
  module: string,
  database: DemoDatabase,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<Summary> {
  const applicationName = `${database.schema} ${contender}`
  const sessions = watchSessions(database, applicationName)
  const records: InvocationRecord[] = []
  let leftSessions = 0
  {
    await using lambda = await startLambda({
      module,
      env: database.environment(applicationName),
      timeoutMillis: workload.timeoutMillis,
      database: database.address,
      // A frozen environment hears nothing of what the server does meanwhile, and one that ends says nothing to it.
      freezeModel: 'paused-machine',
      vanish: 'silent',
    })
    for await (const { name, calls } of drive(lambda, signal)) {
      records.push(...calls)
      leftSessions = await sessions.now()
      report(`${contender}: ${name}${outcomeOf(calls)}; ${leftSessions} sessions at the server`)
    }
  }
  const connects = await sessions.finish()
  const { calls, failed, crashes, p50Ms, p95Ms } = summarizeCalls(records)
  return { calls, failed, crashes, connects, p50Ms, p95Ms, peakSessions: sessions.peak, leftSessions }
}

function outcomeOf(calls: readonly InvocationRecord[]): string {
  if (calls.length === 0) return ''
  const failures = failuresIn(calls).map(([message, count]) => `${count} × ${message}`)
  return `, ${calls.length} calls, ${failures.length > 0 ? `failed: ${failures.join(', ')}` : 'none failed'}`
}
