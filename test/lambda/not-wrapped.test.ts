import { type LocalLambda, startRelay } from 'pg-thaw/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { functionUnderTest, type Pooled } from './support/function-under-test'

const test = functionUnderTest('perhaps-wrapped')

let written: string[] = []
afterEach(() => {
  written = []
})

function signedIn() {
  const { user, password, database } = test.database.config
  return { PGUSER: user, PGPASSWORD: password, PGDATABASE: database }
}

function perhapsWrapped(env: Record<string, string>, pool: Pooled = {}): Promise<LocalLambda> {
  const { host, port } = test.database.config
  return test.start(pool, {
    env: { ...signedIn(), POOL_OPTIONS: JSON.stringify(pool), ...env },
    database: { host, port },
    onLog: ({ text }) => void written.push(text),
  })
}

function warnings(): string[] {
  return written.filter((it) => it.includes('PG_THAW_NOT_WRAPPED'))
}

describe('a handler that is not wrapped', () => {
  it('is told so, once, with the place of its first query in a call', async () => {
    const lambda = await perhapsWrapped({})
    for (let call = 0; call < 3; call += 1) expect((await lambda.invoke()).outcome).toBe('response')
    expect(warnings()).toEqual([expect.stringMatching(/\[PG_THAW_NOT_WRAPPED\] PgThawWarning: .*not wrapped/)])
    expect(written.join('\n')).toMatch(/at .*answer/)
  })

  it('is told in its first call, and not for what its module asked before', async () => {
    const lambda = await perhapsWrapped({ ASKS_DURING_INIT: '1' })
    await lambda.provision(1)
    expect(warnings()).toEqual([])
    await lambda.invoke()
    expect(warnings()).toHaveLength(1)
  })

  it('waits no longer for a connection than its call is likely to last', async () => {
    const relay = await startRelay(test.database.config)
    relay.newcomersMeet = 'deaf'
    try {
      const port = { host: relay.host, port: relay.port }
      const lambda = await test.start(port, { timeoutMillis: 9000, env: { POOL_OPTIONS: JSON.stringify(port) } })
      const { response } = await lambda.invoke()
      expect(response).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' })
      const patient = { ...port, connectionTimeoutMillis: 60_000 }
      const other = await test.start(patient, { timeoutMillis: 4000, env: { POOL_OPTIONS: JSON.stringify(patient) } })
      expect((await other.invoke()).outcome, 'with a limit of its own').toBe('timeout')
    } finally {
      await relay.close()
    }
  })
})

it('one that is wrapped in its first call waits as long as its calls last, from then on', async () => {
  const relay = await startRelay(test.database.config)
  try {
    const at = { host: relay.host, port: relay.port, pooling: 'never' } as const
    const lambda = await test.start(at, {
      timeoutMillis: 5000,
      env: { ...signedIn(), POOL_OPTIONS: JSON.stringify(at), IS_WRAPPED_LATE: '1' },
    })
    expect((await lambda.invoke()).response).toEqual({})
    relay.newcomersMeet = 'deaf'
    const { response } = await lambda.invoke()
    expect(response).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' })
    expect((response as { waitedMillis: number }).waitedMillis).toBeGreaterThan(2600)
  } finally {
    await relay.close()
  }
})

it('nothing is said of a process that a call has started', async () => {
  const lambda = await perhapsWrapped({ IS_WRAPPED: '1', STARTS_ANOTHER: '1' })
  for (let call = 0; call < 2; call += 1) expect((await lambda.invoke()).response).toEqual({})
  expect(written).toEqual([])
})

it.each([[{}], [{ ASKS_DURING_INIT: '1' }]])('nothing is said of a wrapped one (%o)', async (env) => {
  const lambda = await perhapsWrapped({ IS_WRAPPED: '1', ...env })
  for (let call = 0; call < 3; call += 1) expect((await lambda.invoke()).outcome).toBe('response')
  expect(written).toEqual([])
})
