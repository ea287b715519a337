import { setTimeout as pause } from 'node:timers/promises'
import type { RelayFault } from 'pg-thaw/testing'
import type { Random } from '../test/property/support/random'
import { type Fleet, leaseMillis } from './fleet'
import type { Site } from './site'
import type { Strikes } from './strikes'

/** What a fault strikes at. */
export interface Scene {
  readonly site: Site
  readonly fleets: readonly Fleet[]
  readonly random: Random
  /** Where it is noted what ended sessions, and when. */
  readonly strikes: Strikes
}

/** One thing that goes wrong. It is over when the function resolves; what it has done to connections lasts. */
type Fault = (scene: Scene) => Promise<void>

export const faults: Readonly<Record<string, Fault>> = {
  'sessions terminated': ({ site, random, strikes, fleets }) =>
    anyTime(random, fleets, () => strikes.during('kill', () => site.terminate())),

  // From before the server's timer to after it, so that some calls come just when it fires.
  'lease over': ({ fleets, random }) =>
    frozen(fleets, () => pause(random.between(leaseMillis - 100, leaseMillis + 300))),

  'restart, fast': (scene) => restart(scene, 'fast'),
  'restart, immediate': (scene) => restart(scene, 'immediate'),

  'connections closed': (scene) => strike(scene, 'cut'),
  'connections reset': (scene) => strike(scene, 'reset'),

  // While calls run, these are something else: a statement that gets no answer.
  'server sides closed': ({ site, fleets }) => frozen(fleets, async () => site.name.strike('half-open')),
  'flows forgotten': ({ site, fleets }) => frozen(fleets, async () => site.name.strike('deaf')),

  'server full': async ({ site, fleets, random }) => {
    let letGo = async () => {}
    const crowd = async () => {
      letGo = await site.crowd()
    }
    if (random.percent(50)) await redial(site, fleets, crowd)
    else await crowd()
    await pause(random.between(200, 1500))
    await letGo()
  },

  'name does not resolve': async ({ site, fleets, random }) => {
    await redial(site, fleets, () => site.resolve('EAI_AGAIN'))
    await pause(random.between(100, 1500))
    await site.resolve('')
  },

  'password rotated': (scene) => rotate(scene, 'same'),
  'user rotated': (scene) => rotate(scene, 'other'),

  'failover, sessions ended': async ({ site, strikes }) => {
    await site.failOver('by a restart', (demote) => strikes.during('kill', demote))
    // Nobody is there.
    await site.servers.rejoin()
  },

  'failover, sessions kept': async ({ site, strikes, random }) => {
    await site.failOver('in place', (demote) => strikes.during('demotion', demote))
    // Meanwhile sessions of the demoted one are used, and found out.
    await pause(random.between(0, 500))
    await strikes.during('kill', () => site.servers.rejoin())
  },

  'environments vanish': ({ fleets, random }) => random.pick(fleets).vanishSome(random.between(1, 3)),
  'scale-in': ({ fleets, random }) => random.pick(fleets).scaleIn(random.between(1, 3)),
  burst: ({ fleets, random }) => random.pick(fleets).burst(random.between(4, 8)),
}

/** Each freeze in which something happens lasts at least so long, ms: what is shorter, the pool takes for a busy moment of the process. */
const longerThanABusyMomentMillis = 20

/** While every environment is frozen. */
async function frozen(fleets: readonly Fleet[], happens: () => Promise<void>): Promise<void> {
  const held = await Promise.all(fleets.map((fleet) => fleet.hold()))
  try {
    await pause(longerThanABusyMomentMillis)
    await happens()
  } finally {
    for (const go of held) go()
  }
}

/** While they are frozen, or in the middle of calls. */
async function anyTime(random: Random, fleets: readonly Fleet[], happens: () => Promise<void>): Promise<void> {
  if (random.percent(50)) await frozen(fleets, happens)
  else await happens()
}

/** Every call that comes needs a new connection, and finds this. */
function redial(site: Site, fleets: readonly Fleet[], happens = async () => {}): Promise<void> {
  return frozen(fleets, async () => {
    site.name.strike('reset')
    await happens()
  })
}

function restart({ site, fleets, random, strikes }: Scene, mode: 'fast' | 'immediate'): Promise<void> {
  const downMillis = random.between(0, 800)
  return anyTime(random, fleets, async () => {
    await strikes.during('kill', () => site.stop(mode))
    await pause(downMillis)
    await site.start()
  })
}

function strike({ site, fleets, random, strikes }: Scene, kind: RelayFault): Promise<void> {
  return anyTime(random, fleets, () => strikes.during('kill', async () => site.name.strike(kind)))
}

async function rotate({ site, fleets, random }: Scene, which: 'same' | 'other'): Promise<void> {
  await site.rotate(which, async () => {
    await redial(site, fleets)
    await pause(random.between(20, 100))
  })
  await redial(site, fleets)
}
