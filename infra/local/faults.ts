import { type Fault, plural } from '../../src/local/act/faults'
import { besides, endSessions, losePackets, type Struck, strike } from '../../src/local/act/strikes'
import type { Fleet } from '../../src/local/watch/fleet'
import type { DatabaseFaults } from './database'
import type { Misdeed } from './misbehaving'

export const MISBEHAVING = 'misbehaving'

/** What faults of the example need beside what all do. */
export interface Victims extends Struck {
  readonly misbehaving: Fleet
  readonly database: DatabaseFaults
}

/** What can be done to the example service, whose database is its own. */
export function faultsOf(victims: Victims): readonly Fault[] {
  return [
    endSessions(victims),
    restart(victims),
    losePackets(victims),
    rotation(victims),
    misdeed(victims, {
      fault: 'slow-query',
      name: 'Run a slow query',
      short: 'slow query',
      shows: 'The call fails before its timeout of 3 s, the query is cancelled, and the environment lives on.',
      does: 'a query of 60 s in a call that may take 3 s',
    }),
    misdeed(victims, {
      fault: 'leaked-client',
      name: 'Leak a client',
      short: 'leak',
      shows: '▲: what nobody gave back is taken at the end of the call; the next call is not short of one.',
      does: 'a client that nobody releases',
    }),
    misdeed(victims, {
      fault: 'missing-await',
      name: 'Leave an await out',
      short: 'no await',
      shows: '▲: the end of the call waits a second for it, then cuts it off; it does not run into the freeze.',
      does: 'a query of 60 s that nobody awaits',
    }),
  ]
}

function restart({ caller, database }: Victims): Fault {
  return {
    fault: 'restart-database',
    name: 'Restart the database',
    short: 'restart',
    shows: 'The line of sessions has a gap; the next call is answered.',
    async show(tell) {
      await caller.warm()
      tell('the database restarts')
      await database.restart()
      return { did: 'the database was restarted', ...(await caller.next()) }
    },
  }
}

function rotation(victims: Victims): Fault {
  const { database, sessions } = victims
  const view = {
    fault: 'rotate-password',
    name: 'Rotate the password',
    short: 'password',
    shows: 'Sessions end too. The next call signs in with what the secret says now.',
  }
  return strike(victims, view, async () => {
    await database.rotatePassword()
    return `another password, and ${plural(await sessions.end(), 'session')} ended`
  })
}

/** Code that does what was not meant to be. */
function misdeed(
  { misbehaving }: Victims,
  { does, ...view }: Omit<Fault, 'show'> & { readonly fault: Misdeed; readonly does: string },
): Fault {
  return {
    ...view,
    async show(tell) {
      tell(does)
      const { outcome, latencyMillis, billedMillis, error } = await misbehaving.invoke({ does: view.fault })
      const came = outcome === 'response' ? 'answers' : `fails (${error?.errorMessage ?? outcome})`
      const took = `${Math.round(Math.max(latencyMillis, billedMillis))} ms`
      await misbehaving.mirrored
      const after = await misbehaving.invoke({})
      return {
        did: `${does}: the call ${came} after ${took}`,
        next: `the next call: ${after.outcome} in ${Math.round(after.latencyMillis)} ms${await besides(misbehaving)}`,
        isWell: after.outcome === 'response',
      }
    },
  }
}
