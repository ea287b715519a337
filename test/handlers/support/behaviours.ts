import type { InvocationRecord, LocalLambdaOptions } from 'pg-thaw/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../../src/index'
import { createDatabase, type TestDatabase } from '../../support/database'
import type { Asked } from '../functions/work'
import { type Call, Environment } from './environment'

/** One way to make a handler whose work is that of `functions/work.ts`. */
export interface HandlerUnderTest {
  /** Where it is, once the file's own `beforeAll` has run: module, name of the export, environment variables, Node.js. */
  readonly function: () => Pick<LocalLambdaOptions, 'module' | 'exportName' | 'env' | 'nodePath'>
  /** The event by which a call hears what it shall do. Default: what it shall do. */
  readonly eventOf?: (asked: Asked) => unknown
  /** What a good call looks like from outside, as `toMatchObject` takes it. */
  readonly answered?: Seen
  /** What a call looks like whose work threw. */
  readonly failed?: Seen
}

/** As much of an invocation as says how it went. */
type Seen = Partial<Pick<InvocationRecord, 'outcome' | 'response'>>

const pool: PoolOptions & { lingerMillis: number } = {
  max: 2,
  lingerMillis: 50,
  // What strikes at 1,200 of 2,000 ms leaves a busy machine time for its answer.
  deadlineMarginMillis: 800,
}
const TIMEOUT_MILLIS = 2000
/** Where nothing shall be cut off: longer than a busy machine takes for any call of theirs. */
const LONG_TIMEOUT_MILLIS = 15_000
const IS_ACTIVE = "state = 'active'"

let environments = 0

/**
 * The tests that every way to make a handler passes, in two environments: one that waits for the query of 30 s, and meanwhile
 * another one for all else, whose calls follow upon each other.
 */
export function behavesWell(name: string, handler: HandlerUnderTest): void {
  const { eventOf = (asked) => asked, answered = { outcome: 'response' }, failed = { outcome: 'error' } } = handler

  describe(name, () => {
    let database: TestDatabase
    let environment: Environment
    let waiting: Environment
    let waited: Promise<Call[]>

    beforeAll(async () => {
      database = await createDatabase()
      ;[environment, waiting] = await Promise.all([start(LONG_TIMEOUT_MILLIS), start(TIMEOUT_MILLIS)])
      waited = callWaiting()
      // Whoever awaits it hears of a failure; that may be later.
      waited.catch(() => {})
    })
    afterAll(async () => {
      await Promise.all([environment?.close(), waiting?.close()])
      await database?.dispose()
    })

    async function start(timeoutMillis: number): Promise<Environment> {
      environments += 1
      const { env, ...options } = handler.function()
      const variables = { ...env, POOL_OPTIONS: JSON.stringify(pool) }
      const named = `environment ${environments}`
      return Environment.start(named, database, { ...options, timeoutMillis, env: variables }, eventOf)
    }

    /** A call, one that waits for a query of 30 s, and one more. */
    async function callWaiting(): Promise<Call[]> {
      const before = await waiting.call()
      const call = waiting.call('wait')
      await waiting.untilSessions(1, IS_ACTIVE)
      return [before, await call, await waiting.call()]
    }

    /** A call that is to be answered. */
    async function ask(does?: Asked['does'], { cold = false } = {}): Promise<Call['told']> {
      const { record, told } = await environment.call(does)
      expect(record).toMatchObject({ ...answered, cold })
      return told
    }

    it('keeps no connection after its first call', async () => {
      await ask(undefined, { cold: true })
      await environment.untilSessions(0)
    })

    it('keeps its connection through a freeze once it is warm', async () => {
      const { pid } = await ask()
      expect(await environment.untilSessions(1)).toMatchObject([{ pid, state: 'idle' }])
      expect((await ask()).pid).toBe(pid)
    })

    it('reports what it left behind, and has it ended', async () => {
      await ask('leave')
      await environment.untilSessions(0, IS_ACTIVE)
      const { warnings } = await ask()
      expect(warnings.filter((warning) => /^PG_THAW_UNFINISHED.*leaveBehind/s.test(warning))).toHaveLength(1)
    })

    it('has two leaked clients taken back', async () => {
      await ask('leak')
      expect(await ask()).toMatchObject({ lent: 0 })
      expect(await ask()).toMatchObject({ lent: 0 })
    })

    it('has a query of 30 s cut off in time, and lives on', async () => {
      const [before, call, after] = await waited
      expect(before?.record).toMatchObject({ ...answered, cold: true })
      expect(call?.record).toMatchObject(failed)
      expect(call?.told.code).toBe('POOL_QUERY_TIMEOUT')
      expect(after?.record).toMatchObject({ ...answered, cold: false })
      await waiting.untilSessions(0, IS_ACTIVE)
    })
  })
}
