import type { Act } from './act'
import { duration, plural } from './calls'

/** One more than a pool has by default. */
const mostLeaks = 11

/** Each call takes a client and forgets to give it back, until one fails. */
export const leakedClient: Act = {
  name: 'leaked-client',
  title: 'Each call leaks a client',
  play: async (stage) => {
    let leaks = 0
    let last = await stage.call({ does: 'leak' })
    while (last.outcome === 'response' && ++leaks < mostLeaks) last = await stage.call({ does: 'leak' })
    const sessions = await stage.user.sessions()
    const billedMillis = last.billedMillis
    const facts = { leaks, sessions, billedMillis }
    if (last.outcome !== 'response') {
      const words = `call ${leaks + 1} fails after ${duration(billedMillis)}, ${plural(sessions, 'session')} held`
      return { grade: 'fails', words, facts }
    }
    const words = `${leaks} leaks, ${plural(sessions, 'session')} held, a call bills ${duration(billedMillis)}`
    return { grade: sessions > 1 || billedMillis > 500 ? 'costs' : 'holds', words, facts }
  },
}
