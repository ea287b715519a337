// Preloaded into each environment. Its sessions bear its process id, by which the page finds whose they are; and what the pool did in a
// call is told on a line of its own, which the service takes out of the log.
import { subscribe } from 'node:diagnostics_channel'

process.env.PGAPPNAME = `${process.env.AWS_LAMBDA_FUNCTION_NAME} ${process.pid}`

subscribe('pg-thaw:invocation', ({ gapMillis, pools }) => {
  const [report] = pools
  if (report === undefined) return
  const { waits, waitMillis, dials, dialMillis, dialFailures, unfinished, resets, retired } = report
  const { invalid = 0, broken = 0, fault = 0 } = retired
  const facts = { gapMillis, waits, waitMillis, dials, dialMillis, dialFailures, unfinished, resets }
  process.stdout.write(`${JSON.stringify({ 'pg-thaw:invocation': { ...facts, lost: invalid + broken + fault } })}\n`)
})
