// Preloaded into each environment of a function that is watched. Its sessions bear its process id and a word of the program that watches,
// by which they are found again; and what the pool did in a call is told on a line of its own, which is taken out of the log.
import { subscribe } from 'node:diagnostics_channel'
import { leadThroughRelay } from './relayed.js'

/** As far as it is read here; what the channel tells is an `InvocationReport`. */
interface Report {
  readonly gapMillis: number
  readonly pools: readonly (Readonly<Record<string, number>> & { readonly retired: Readonly<Record<string, number>> })[]
}

const { AWS_LAMBDA_FUNCTION_NAME = 'function', PG_THAW_LOCAL_WORD = '', PG_THAW_LOCAL_DATABASE } = process.env
// PostgreSQL keeps 63 bytes of it.
process.env.PGAPPNAME = `${AWS_LAMBDA_FUNCTION_NAME.slice(0, 40)} ${process.pid} ${PG_THAW_LOCAL_WORD}`
// Programs that the function starts are none of its sessions.
delete process.env.PG_THAW_LOCAL_WORD
delete process.env.PG_THAW_LOCAL_DATABASE
if (PG_THAW_LOCAL_DATABASE !== undefined) leadThroughRelay(PG_THAW_LOCAL_DATABASE)

subscribe('pg-thaw:invocation', (message) => {
  const { gapMillis, pools } = message as Report
  const [report] = pools
  if (report === undefined) return
  const { waits, waitMillis, dials, dialMillis, dialFailures, unfinished, resets, retired } = report
  const { invalid = 0, broken = 0, fault = 0 } = retired
  const facts = { gapMillis, waits, waitMillis, dials, dialMillis, dialFailures, unfinished, resets }
  process.stdout.write(`${JSON.stringify({ 'pg-thaw:invocation': { ...facts, lost: invalid + broken + fault } })}\n`)
})
