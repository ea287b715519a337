import type { Act } from './act'
import { countCalls, judgeCalls } from './calls'

const environments = 4
/** Longer than a contender's own limit, which it may know how to keep. */
const idleSessionMillis = 2_500
const lullMillis = 3_500

/** Nobody calls for a while, and the server closes what idles, as a DBA has told it. */
export const lull: Act = {
  name: 'lull',
  title: 'The server closes idle sessions in a lull',
  freezeModel: 'paused-machine',
  limits: { idleSessionMillis },
  play: async (stage) => {
    await stage.warm(environments)
    await stage.pause(lullMillis)
    const calls = countCalls([...(await stage.round(environments)), ...(await stage.round(environments))])
    return judgeCalls(calls)
  },
}
