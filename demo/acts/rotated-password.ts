import type { Act } from './act'
import { countCalls, judgeCalls } from './calls'

const environments = 3
/** Longer than any contender keeps an idle connection: pg.Pool's default is 10 s. */
const lullMillis = 10_500

/** The password is rotated in a lull, after which warm environments need new connections. */
export const rotatedPassword: Act = {
  name: 'rotated-password',
  title: 'The password is rotated',
  play: async (stage) => {
    await stage.warm(environments)
    await stage.rotatePassword()
    await stage.pause(lullMillis)
    const records = [...(await stage.round(environments)), ...(await stage.round(environments))]
    const refused = records.filter(({ error }) => error?.errorMessage.includes('password authentication')).length
    const outcome = judgeCalls(countCalls(records))
    return { ...outcome, facts: { ...outcome.facts, refused } }
  },
}
