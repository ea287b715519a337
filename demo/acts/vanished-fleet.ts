import type { Act } from './act'
import { duration, plural } from './calls'

const environments = 8
const settleMillis = 4_000

/** Lambda takes environments away without a word. What they held is the server's to find out. */
export const vanishedFleet: Act = {
  name: 'vanished-fleet',
  title: 'A fleet vanishes without a word',
  play: async (stage) => {
    await stage.warm(environments)
    await stage.lambda.vanish()
    const held = await stage.user.sessions()
    await stage.pause(settleMillis)
    const left = await stage.user.sessions()
    const facts = { environments, held, left, settleMillis }
    if (held === 0) return { grade: 'holds', words: 'no session was held', facts }
    const after = `${duration(settleMillis)} later`
    if (left === 0) return { grade: 'holds', words: `none of ${plural(held, 'session')} left ${after}`, facts }
    return { grade: 'costs', words: `${left} of ${plural(held, 'session')} still there ${after}`, facts }
  },
}
