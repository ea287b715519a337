import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Contender, contenders } from '../../demo/contenders/contender'
import type { DemoData, Outcome } from '../../demo/report/data'
import { within } from '../support/within'

const played = ['ended-sessions', 'ended-sessions-unheard', 'vanished-fleet', 'open-transaction', 'slow-query']
/** About 25 s on two cores. */
const runMillis = 55_000
const interruptionMillis = 15_000

const children = new Set<ChildProcess>()

function demo(...args: string[]) {
  const command = ['--import', 'tsx', 'demo/main.ts', ...args]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** It ends what it has started when it is told to end. */
async function stopAll(): Promise<void> {
  await Promise.all(
    [...children].map(async (child) => {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    }),
  )
}

describe('the acts of the demo', () => {
  let data: DemoData

  beforeAll(async () => {
    const child = demo('--json', ...played.flatMap((name) => ['--act', name]))
    const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    try {
      const [stdout, stderr, [code]] = await within(runMillis, ended, 'the demo to end')
      expect(code, stderr).toBe(0)
      data = JSON.parse(stdout)
    } finally {
      await stopAll()
    }
  }, runMillis + interruptionMillis)

  function outcome(name: string, contender: Contender): Outcome {
    const act = data.acts.find((it) => it.name === name)
    if (act === undefined) throw new Error(`no act ${name}`)
    return act.outcomes[contender]
  }

  it('are those that were asked for, with what was measured of every contender', () => {
    expect(data.acts.map(({ name }) => name)).toEqual(played)
    for (const contender of contenders) {
      expect(data.calls[contender].length).toBeGreaterThan(20)
      expect(Math.max(...data.sessions[contender].map(([, count]) => count))).toBeGreaterThan(0)
    }
  })

  it.each(['ended-sessions', 'ended-sessions-unheard'])('%s fails calls of pg.Pool, and none of pg-thaw', (name) => {
    expect(outcome(name, 'pg-pool-defaults')).toMatchObject({ grade: 'fails', facts: { calls: 8, failed: 4 } })
    expect(outcome(name, 'pg-thaw')).toMatchObject({ grade: 'holds', facts: { calls: 8, failed: 0 } })
  })

  it('a fleet that vanishes leaves the sessions of pg.Pool behind, and none of pg-thaw', () => {
    expect(outcome('vanished-fleet', 'pg-pool-defaults')).toMatchObject({ grade: 'costs', facts: { held: 8, left: 8 } })
    const { grade, facts } = outcome('vanished-fleet', 'pg-thaw')
    expect({ grade, left: facts.left }).toEqual({ grade: 'holds', left: 0 })
    expect(facts.held).toBeGreaterThan(0)
  })

  it('BEGIN without COMMIT loses acknowledged inserts of pg.Pool, however it is tuned, and none of pg-thaw', () => {
    const lost = { grade: 'fails', facts: { acknowledged: 3, found: 0 } }
    expect(outcome('open-transaction', 'pg-pool-defaults')).toMatchObject(lost)
    expect(outcome('open-transaction', 'pg-pool-tuned')).toMatchObject(lost)
    const kept = { grade: 'holds', facts: { acknowledged: 3, found: 3 } }
    expect(outcome('open-transaction', 'pg-thaw')).toMatchObject(kept)
  })

  it('a query past the timeout ends the environment of pg.Pool and runs on, and does neither with pg-thaw', () => {
    const defaults = outcome('slow-query', 'pg-pool-defaults').facts
    const thaw = outcome('slow-query', 'pg-thaw').facts
    expect({ defaults: defaults.died, thaw: thaw.died }).toEqual({ defaults: 1, thaw: 0 })
    expect(thaw.goesOnMillis).toBeLessThan(defaults.goesOnMillis ?? 0)
  })
})

describe('the demo', () => {
  afterEach(stopAll)

  it('refuses what it does not know before it starts anything', async () => {
    const child = demo('--act', 'nonsense')
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("There is no act 'nonsense'") })
  })

  it('ends when it is told to, in the middle of an act', { timeout: 3 * interruptionMillis }, async () => {
    const child = demo('--json', '--act', 'vanished-fleet')
    // The first thing that it says: the server runs, and the act begins.
    await within(interruptionMillis, once(child.stderr, 'data'), 'the demo to begin')
    child.kill('SIGTERM')
    const [code] = await within(interruptionMillis, once(child, 'exit'), 'the demo to end')
    expect(code).toBe(143)
  })
})
