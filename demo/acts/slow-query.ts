import { functionTimeoutMillis } from '../contenders/limits'
import type { Act } from './act'
import { duration } from './calls'

/** The query would take so long after the function's end. */
const beyondMillis = 4_000

/** A query that ends so soon after its call was on its way out already. */
const unnoticedMillis = 200

/** A query that takes longer than the function may. */
export const slowQuery: Act = {
  name: 'slow-query',
  title: "A query past the function's timeout",
  play: async (stage) => {
    await stage.call({ does: 'read' })
    await stage.call({ does: 'read' })
    const slow = await stage.call({ does: 'sleep', seconds: (functionTimeoutMillis + beyondMillis) / 1000 })
    const ended = performance.now()
    const watching = (async () => {
      let goesOnMillis = 0
      while (await stage.user.sessions("state = 'active' AND query LIKE '%pg_sleep%'")) {
        await stage.pause(50)
        goesOnMillis = Math.round(performance.now() - ended)
      }
      return goesOnMillis
    })()
    const [next, goesOnMillis] = await Promise.all([stage.call({ does: 'read' }), watching])
    const died = slow.outcome === 'error' ? 0 : 1
    const facts = { died, goesOnMillis, nextMillis: Math.round(next.latencyMillis) }
    const server = goesOnMillis < unnoticedMillis ? 'cancelled' : `runs on for ${duration(goesOnMillis)}`
    const words = `query ${server}, next call ${next.cold ? 'cold' : 'warm'}: ${duration(facts.nextMillis)}`
    const bad = next.outcome !== 'response'
    return { grade: bad ? 'fails' : died > 0 || goesOnMillis >= unnoticedMillis ? 'costs' : 'holds', words, facts }
  },
}
