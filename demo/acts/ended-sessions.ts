import type { Outcome } from '../report/data'
import type { Stage } from '../stage'
import type { Act } from './act'
import { countCalls, judgeCalls } from './calls'

const environments = 4

/** Sessions that end while their environments are frozen: a restart, a failover, a DBA. */
async function play(stage: Stage): Promise<Outcome> {
  await stage.warm(environments)
  await stage.user.endSessions()
  await stage.pause(200)
  const calls = countCalls([...(await stage.round(environments)), ...(await stage.round(environments))])
  return judgeCalls(calls)
}

/** The kernel of a frozen environment hears the server's goodbye, and tells the process when it thaws. */
export const endedSessions: Act = {
  name: 'ended-sessions',
  title: 'Sessions end while the process is frozen',
  freezeModel: 'process',
  play,
}

/** Nobody hears it: the first bytes after the thaw are answered with a reset. */
export const endedSessionsUnheard: Act = {
  name: 'ended-sessions-unheard',
  title: 'Sessions end while the machine is paused',
  freezeModel: 'paused-machine',
  play,
}
