import type { Answer } from '../contenders/task'
import type { Act } from './act'
import { countCalls } from './calls'

const calls = 40
const times = 20

/** No fault: what a warm call takes that asks the same join again and again, with the freezes between calls. */
export const repeatedQuery: Act = {
  name: 'repeated-query',
  title: `A warm call that asks a join ${times} times`,
  inTurn: true,
  play: async (stage) => {
    // The first calls of an environment are those in which a contender may learn what comes again.
    await stage.warm(1)
    const records = []
    for (let call = 0; call < calls; call++) records.push(await stage.call({ does: 'repeat', times }))
    const { failed } = countCalls(records)
    const answered = records.filter(({ outcome }) => outcome === 'response')
    const millis = median(answered.map(({ response }) => (response as Answer).databaseMillis))
    const words = `${millis.toFixed(1)}\u00a0ms a call (median of ${answered.length})`
    return { grade: failed > 0 ? 'fails' : 'holds', words, facts: { calls, failed, times, millis }, score: millis }
  },
}

/** To a tenth; NaN of nothing. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round((sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN) * 10) / 10
}
