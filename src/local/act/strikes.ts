import type { Fleet } from '../watch/fleet.js'
import type { SessionWatch } from '../watch/sessions.js'
import { type Fault, plural, type Showing } from './faults.js'

/** Whoever calls before and after a fault. */
export interface Caller {
  /** Sees to it that there are connections which a fault can meet: an environment that was called once keeps none. */
  warm(): Promise<void>
  /** Calls once, and says what it came to. */
  next(): Promise<Pick<Showing, 'next' | 'isWell'>>
}

/** What strikes need. */
export interface Struck {
  readonly caller: Caller
  readonly fleets: readonly Fleet[]
  readonly sessions: SessionWatch
}

/** A fault that strikes connections which are idle, and whom the next call meets. */
export function strike(
  { caller, fleets }: Pick<Struck, 'caller' | 'fleets'>,
  view: Pick<Fault, 'fault' | 'name' | 'short' | 'shows'>,
  act: () => Promise<string> | string,
): Fault {
  return {
    ...view,
    async show(tell) {
      await caller.warm()
      await Promise.all(fleets.map((fleet) => fleet.quiet()))
      const did = await act()
      tell(did)
      return { did, ...(await caller.next()) }
    },
  }
}

/** An administrator ends the sessions of the functions. */
export function endSessions(struck: Struck): Fault {
  const view = {
    fault: 'end-sessions',
    name: 'End all sessions',
    short: 'sessions ended',
    shows:
      'An administrator ends them while environments are frozen. ◆: the next call finds its connection lost, and is answered on another.',
  }
  return strike(struck, view, async () => `${plural(await struck.sessions.end(), 'session')} ended`)
}

/** The network forgets all connections, and says nothing. */
export function losePackets(struck: Struck): Fault {
  const view = {
    fault: 'lose-packets',
    name: 'Lose packets',
    short: 'packets lost',
    shows:
      'The network forgets all connections and says nothing. ◆: the next call waits a moment for a sign of life, and is answered on another.',
  }
  return strike(struck, view, () => `${plural(met(struck, 'deaf'), 'connection')} forgotten: packets are lost`)
}

/** Something between has no memory of the connections, and answers with resets. */
export function resetConnections(struck: Struck): Fault {
  const view = {
    fault: 'reset-connections',
    name: 'Reset connections',
    short: 'resets',
    shows:
      'Both sides are told that the other is gone, as by a proxy that restarts. ◆: the next call connects anew, and is answered.',
  }
  return strike(struck, view, () => `${plural(met(struck, 'reset'), 'connection')} reset`)
}

/** All hosts fail at once. */
export function vanish(struck: Struck): Fault {
  const view = {
    fault: 'vanish',
    name: 'Have all vanish',
    short: 'vanished',
    shows:
      'All environments are killed. Their sessions stay until the server ends them: with pg-thaw when their lease is over.',
  }
  return strike(struck, view, async () => {
    const present = struck.fleets.flatMap((fleet) => fleet.look().filter(({ state }) => state !== 'gone'))
    await Promise.all(struck.fleets.map((fleet) => fleet.kill()))
    return `${plural(present.length, 'environment')} killed without a word`
  })
}

/** What became of the same call with pg.Pool, where it was made. */
export async function besides(fleet: Fleet): Promise<string> {
  const record = fleet.mirror && (await fleet.mirrored)
  if (record === undefined) return ''
  const { outcome, response, latencyMillis } = record
  const { statusCode } = (response ?? {}) as { readonly statusCode?: unknown }
  return `; with pg.Pool: ${statusCode ?? outcome} in ${Math.round(latencyMillis)} ms`
}

function met({ fleets }: Struck, fault: 'deaf' | 'reset'): number {
  return fleets.reduce((sum, fleet) => sum + fleet.strike(fault), 0)
}
