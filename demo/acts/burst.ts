import type { Act } from './act'
import { countCalls, duration, gradeCalls } from './calls'

const connectionLimit = 4
const environments = 10

/** More environments start at once than the database has sessions for, and are called once more. */
export const burst: Act = {
  name: 'burst',
  title: `${environments} environments, a database of ${connectionLimit} sessions`,
  limits: { connectionLimit },
  play: async (stage) => {
    const first = await stage.round(environments)
    const second = await stage.round(environments)
    const [cold, warm] = [countCalls(first), countCalls(second)]
    const answered = second.filter(({ outcome }) => outcome === 'response')
    const slowestMillis = Math.round(Math.max(0, ...answered.map(({ latencyMillis }) => latencyMillis)))
    const failed = cold.failed + warm.failed
    const waits = answered.length > 0 ? `; warm ones take up to ${duration(slowestMillis)}` : ''
    const words = `${cold.failed} of ${cold.calls} cold calls failed, ${warm.failed} of ${warm.calls} warm${waits}`
    return {
      grade: gradeCalls({ failed }),
      words,
      facts: { connectionLimit, environments, coldFailed: cold.failed, warmFailed: warm.failed, slowestMillis },
      score: failed,
    }
  },
}
