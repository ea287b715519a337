import type { Act } from './act'
import { countCalls, duration, sayCalls } from './calls'

/** Something between the function and its database forgets the connection, and swallows what is sent on it. */
export const forgottenFlow: Act = {
  name: 'forgotten-flow',
  title: 'The network forgets a connection',
  freezeModel: 'forgotten-flow',
  play: async (stage) => {
    await stage.call({ does: 'read' })
    await stage.call({ does: 'read' })
    const struck = [await stage.call({ does: 'read' }), await stage.call({ does: 'read' })]
    const calls = countCalls(struck)
    const slowestMillis = Math.round(Math.max(...struck.map(({ latencyMillis }) => latencyMillis)))
    const words = `${sayCalls(calls)}, the slowest after ${duration(slowestMillis)}`
    const grade = calls.failed > 0 ? 'fails' : slowestMillis > 500 ? 'costs' : 'holds'
    return { grade, words, facts: { ...calls, slowestMillis }, score: slowestMillis }
  },
}
