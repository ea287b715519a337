import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../test/property/support/random'
import { bundleFunction } from '../test/support/bundle'
import { within } from '../test/support/within'
import { faults } from './faults'
import { type Call, Fleet, leaseMillis } from './fleet'
import { Site } from './site'
import { Strikes } from './strikes'
import { type Summary, Tally } from './summary'

export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
  readonly signal: AbortSignal
  readonly report: (line: string) => void
}

/** Between two faults: enough for some calls of each environment, ms. */
const shortestPauseMillis = 100
const longestPauseMillis = 1000
/** No fault lasts so long, ms. */
const longestFaultMillis = 60_000
/** How long calls go on after the last fault, ms. */
const aftermathMillis = 1000
const reportEveryMillis = 30_000

/** Both ways to freeze, with one connection and with several. */
const kinds = [
  { pool: { max: 1 }, lambda: { freezeModel: 'process', env: goodbye() } },
  { pool: { max: 3, min: 2, pooling: 'always' }, lambda: { freezeModel: 'paused-machine' } },
] as const

/** So that a scale-in closes sessions. */
function goodbye(): Record<string, string> {
  return { NODE_OPTIONS: `--import ${join(__dirname, '..', 'dist', 'goodbye.mjs')}` }
}

/** Runs environments through faults for so long, then ends them all, and looks at what is left. */
export async function soak(options: SoakOptions): Promise<Summary> {
  const bundle = await bundleFunction(join(__dirname, 'functions', 'ledger.ts'))
  try {
    const site = await Site.open()
    try {
      return await run(options, site, bundle.module)
    } finally {
      await site.close()
    }
  } finally {
    bundle.dispose()
  }
}

async function run({ minutes, seed, signal, report }: SoakOptions, site: Site, module: string): Promise<Summary> {
  const tally = new Tally()
  const strikes = new Strikes()
  const times: Record<string, number> = Object.fromEntries(Object.keys(faults).map((name) => [name, 0]))
  let latest = 'before the first fault'
  const onCall = (call: Call) => {
    // Whoever interrupts ends the environments, too.
    if (signal.aborted) return
    const hadTo = strikes.hadTo(call)
    tally.add(call, hadTo)
    if (call.failed === undefined || hadTo) return
    const { code, phase, retry, message } = call.failed
    const millis = Math.round(call.ended - call.began)
    report(`FAILED after ${millis} ms: ${call.entry.does}: ${code} (${phase}, retry ${retry}): ${message}; ${latest}`)
  }

  const fleets: Fleet[] = []
  try {
    let lastKey = 0
    const keys = { next: () => lastKey++ }
    for (const [at, { pool, lambda }] of kinds.entries()) {
      fleets.push(await Fleet.start(module, site, pool, lambda, keys, new Random(seed + at + 1), onCall))
    }
    for (const fleet of fleets) fleet.begin()

    const random = new Random(seed)
    const began = performance.now()
    const sinceBegin = () => Math.round(performance.now() - began)
    let reportAt = reportEveryMillis
    while (sinceBegin() < minutes * 60_000) {
      await pause(random.between(shortestPauseMillis, longestPauseMillis), undefined, { signal })
      const [name, happens] = random.pick(Object.entries(faults))
      const at = sinceBegin()
      latest = `during "${name}" at ${at} ms`
      await within(longestFaultMillis, happens({ site, fleets, random, strikes }), `the end of "${name}"`)
      latest = `after "${name}" (${at} to ${sinceBegin()} ms)`
      times[name] = (times[name] ?? 0) + 1
      if (sinceBegin() < reportAt) continue
      reportAt = sinceBegin() + reportEveryMillis
      const struck = Object.values(times).reduce((sum, it) => sum + it)
      report(
        `${Math.round(sinceBegin() / 1000)} s: ${tally.freezes} freezes, ${struck} faults, ${tally.failed} calls failed`,
      )
    }
    await pause(aftermathMillis, undefined, { signal })
    await Promise.all(fleets.map((fleet) => fleet.stop()))
    await Promise.all(fleets.map((fleet) => fleet.vanish()))
    const sessionsLeft = await sessionsAfterLease(site, signal)
    const { freezes, calls, failures, slowestMillis } = tally
    const compared = tally.compare(await site.keys())
    return { seed, minutes, faults: times, freezes, calls, failures, ...compared, sessionsLeft, slowestMillis }
  } finally {
    await Promise.all(fleets.map((fleet) => fleet.close()))
  }
}

/** The server may be late by a moment, as this machine is busy. */
async function sessionsAfterLease(site: Site, signal: AbortSignal): Promise<number> {
  await pause(leaseMillis, undefined, { signal })
  for (let tries = 20; ; tries--) {
    const left = await site.sessions()
    if (left === 0 || tries === 0) return left
    await pause(100, undefined, { signal })
  }
}
