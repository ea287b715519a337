import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Summary } from '../../soak/summary'

/** Enough for some faults; among the first ones of this seed are a restart, a failover, a rotation and a forgotten flow. */
const [minutes, seed] = ['0.12', '129']

/** Where the soak puts what it needs. */
let directory: string
let child: ChildProcess

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pg-thaw-soak-test-'))
  // The server has a user of its own.
  chmodSync(directory, 0o755)
})
afterEach(() => {
  child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

/** Without npm, which would build first, and would not pass on the signal by itself. */
function start(): { said: Promise<string>; progress: Promise<string>; ended: Promise<unknown[]> } {
  const args = ['--import', 'tsx', 'soak/main.ts', '--minutes', minutes, '--seed', seed, '--json']
  child = spawn(process.execPath, args, {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('both are pipes')
  return { said: text(stdout), progress: text(stderr), ended: once(child, 'exit') }
}

const left = () => readdirSync(directory).filter((name) => name.startsWith('pg-thaw-'))

describe('npm run soak', { timeout: 60_000 }, () => {
  it('loses nothing, leaves nothing, and fails no call whose session was not ended under it', async () => {
    const { said, progress, ended } = start()
    expect(await ended, await progress).toEqual([0, null])
    const summary = JSON.parse((await said).trim().split('\n').at(-1) ?? '') as Summary
    expect(summary).toMatchObject({ seed: Number(seed), lost: 0, doubled: 0, torn: 0, sessionsLeft: 0 })
    expect(summary.failures.filter(({ calls, hadTo }) => calls !== hadTo)).toEqual([])
    expect(summary.freezes).toBeGreaterThan(50)
    expect(Object.values(summary.faults).filter((times) => times > 0)).not.toEqual([])
    expect(left()).toEqual([])
  })

  it('cleans up after itself when it is interrupted', async () => {
    const { ended } = start()
    // Its servers run by then.
    await expect
      .poll(() => left().filter((name) => name.startsWith('pg-thaw-soak-')), { timeout: 20_000 })
      .toHaveLength(1)
    child.kill('SIGINT')
    expect(await ended).toEqual([130, null])
    expect(left()).toEqual([])
  })
})
