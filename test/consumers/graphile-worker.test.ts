import { EventEmitter, once } from 'node:events'
import { Logger, makeWorkerUtils, type RunnerOptions, run, runOnce, type WorkerEvents } from 'graphile-worker'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { expectClean } from './support/guard'

let database: TestDatabase
let pool: Pool
let warnings: string[]

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())
beforeEach(() => {
  warnings = []
})
afterEach(() => expectClean(database, pool))

const logger = new Logger(() => (level, message) => {
  if (level === 'warning' || level === 'error') warnings.push(message)
})

function open(options: PoolOptions = {}): RunnerOptions {
  pool = new Pool({ ...database.config, max: 4, ...options })
  // graphile-worker warns about a pool on which nobody listens for these.
  pool.on('error', () => {})
  pool.on('connect', () => {})
  return { pgPool: pool, logger, noHandleSignals: true, pollInterval: 100 }
}

async function addJob(task: string, payload: unknown, spec: object = {}): Promise<void> {
  const utils = await makeWorkerUtils({ pgPool: pool, logger })
  await utils.addJob(task, payload, spec)
  await utils.release()
}

async function jobsLeft(): Promise<{ task: string; attempts: number; error: string | null }[]> {
  const { rows } = await pool.query(
    'SELECT task_identifier AS task, attempts, last_error AS error FROM graphile_worker.jobs ORDER BY id',
  )
  return rows
}

describe('graphile-worker', () => {
  it('migrates and runs what is queued', async () => {
    const options = open()
    const warned = vi.spyOn(console, 'warn')
    await addJob('greet', { name: 'Ada' })
    await addJob('greet', { name: 'Grace' })
    const greeted: unknown[] = []
    await runOnce(options, {
      greet: async (payload, helpers) => {
        const { rows } = await helpers.query('SELECT upper($1) AS name', [(payload as { name: string }).name])
        greeted.push(rows[0]?.name)
      },
    })
    expect(greeted).toEqual(['ADA', 'GRACE'])
    expect(await jobsLeft()).toEqual([])
    expect(warnings).toEqual([])
    expect(warned).not.toHaveBeenCalled()
  })

  it('runs a failing job again until it succeeds', async () => {
    const options = open()
    await addJob('flaky', {})
    const attempts: number[] = []
    const tasks = {
      flaky: async (_payload: unknown, { job }: { job: { attempts: number } }) => {
        attempts.push(job.attempts)
        if (job.attempts < 3) throw new Error(`attempt ${job.attempts}`)
      },
    }
    for (let turn = 1; turn <= 3; turn++) {
      await runOnce(options, tasks)
      expect(await jobsLeft()).toEqual(turn < 3 ? [{ task: 'flaky', attempts: turn, error: `attempt ${turn}` }] : [])
      await pool.query('UPDATE graphile_worker._private_jobs SET run_at = now()')
    }
    expect(attempts).toEqual([1, 2, 3])
  })

  it('runs a job in a transaction on one client, and rolls it back when the job fails', async () => {
    const options = open()
    await pool.query('CREATE TABLE tally (n int)')
    await addJob('count', 1, { maxAttempts: 1 })
    await addJob('count', 2, { maxAttempts: 1 })
    await runOnce(options, {
      count: (payload, helpers) =>
        helpers.withPgClient(async (client) => {
          await client.query('BEGIN')
          await client.query('INSERT INTO tally VALUES ($1)', [payload])
          // The transaction is left open: returning the client has to end it.
          if (payload === 1) throw new Error('no')
          await client.query('COMMIT')
        }),
    })
    expect((await pool.query('SELECT n FROM tally')).rows).toEqual([{ n: 2 }])
    await pool.query('DELETE FROM graphile_worker._private_jobs')
  })

  it('as a runner hears of new jobs, works several at once, and stops gracefully', async () => {
    const events: WorkerEvents = new EventEmitter()
    const done: number[] = []
    const options = { ...open(), concurrency: 3, events, pollInterval: 60_000 }
    const listening = once(events, 'pool:listen:success')
    const runner = await run(options, {
      slow: async (payload, helpers) => {
        await helpers.query('SELECT pg_sleep(0.05)')
        done.push(payload as number)
      },
    })
    await listening
    const jobs = Array.from({ length: 9 }, (_, n) => n)
    await Promise.all(jobs.map((n) => runner.addJob('slow', n)))
    await vi.waitFor(() => expect(done.length).toBeGreaterThanOrEqual(3), { timeout: 5_000, interval: 10 })
    await runner.stop()
    await runner.promise
    // Jobs that have begun are finished; what is recorded of the last ones may come a moment later.
    await vi.waitFor(
      async () => {
        const [left] = await database.admin.query(
          'SELECT count(*)::int AS jobs, count(locked_at)::int AS locked FROM graphile_worker._private_jobs',
        )
        expect(left).toEqual({ jobs: jobs.length - done.length, locked: 0 })
        expect(pool.stats().lent).toBe(0)
      },
      { timeout: 5_000, interval: 10 },
    )
    expect(new Set(done).size).toBe(done.length)
    expect(pool.ended).toBe(false)
  })
})
