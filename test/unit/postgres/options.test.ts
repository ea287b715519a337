import { inspect } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createPool, Pool, PoolOptionError } from '../../../src/index'
import { resolveOptions } from '../../../src/postgres/options/options'

afterEach(() => vi.unstubAllEnvs())

function refusal(options: object): PoolOptionError {
  try {
    new Pool(options)
  } catch (error) {
    if (error instanceof PoolOptionError) return error
    throw error
  }
  throw new Error(`${inspect(options)} was accepted`)
}

describe('bad options are refused at construction, by name', () => {
  it.each<[object, string, string]>([
    [
      { idleTimeoutMilis: 3 },
      'idleTimeoutMilis',
      'Unknown option `idleTimeoutMilis`; did you mean `idleTimeoutMillis`?',
    ],
    [{ lease: 3 }, 'lease', 'Unknown option `lease`; did you mean `leaseMillis`?'],
    [{ connectionTimeout: 3 }, 'connectionTimeout', 'did you mean `connectionTimeoutMillis`?'],
    [{ pool_size: 3 }, 'pool_size', 'did you mean `poolSize`?'],
    [{ maxs: 3 }, 'maxs', 'did you mean `max`?'],
    [{ maxx: 3 }, 'maxx', 'did you mean `max`?'],
    [{ leaseMilis: 3 }, 'leaseMilis', 'did you mean `leaseMillis`?'],
    [{ conectionTimeoutMillis: 3 }, 'conectionTimeoutMillis', 'did you mean `connectionTimeoutMillis`?'],
    [{ conectionTimeoutMilis: 3 }, 'conectionTimeoutMilis', 'did you mean `connectionTimeoutMillis`?'],
    [{ idleTimeout: 3 }, 'idleTimeout', 'did you mean `idleTimeoutMillis`?'],
    [{ idletimeoutmillis: 3 }, 'idletimeoutmillis', 'did you mean `idleTimeoutMillis`?'],
    [{ maxWaitign: 3 }, 'maxWaitign', 'did you mean `maxWaiting`?'],
    [{ statementTimeout: 3 }, 'statementTimeout', 'did you mean `statement_timeout`?'],
    [{ 'max(': 3 }, 'max(', 'did you mean `max`?'],
    [{ conectionString: 'postgres://localhost' }, 'conectionString', 'did you mean `connectionString`?'],
    [{ pasword: 'marker-secret' }, 'pasword', 'Unknown option `pasword`; did you mean `password`?'],
    [{ max: -1 }, 'max', 'Expected `max` to be a positive integer, got -1 (number)'],
    [{ max: Number.NaN }, 'max', 'Expected `max` to be a positive integer, got NaN (number)'],
    [{ max: true }, 'max', 'got true (boolean)'],
    [{ max: 2.5 }, 'max', 'Expected `max` to be a positive integer, got 2.5 (number)'],
    [{ max: 'two' }, 'max', "Expected `max` to be a positive integer, got 'two' (string)"],
    [{ max: 5, poolSize: 3 }, 'poolSize', 'Expected `poolSize` to be the same as `max` (5), got 3 (number)'],
    [{ poolSize: '2', min: '3' }, 'min', 'Expected `min` to be at most `max` (2), got 3 (number)'],
    [{ statement_timeout: Number.NaN }, 'statement_timeout', 'Expected `statement_timeout` to be a number, got NaN'],
    [{ idleTimeoutMillis: Number.NaN }, 'idleTimeoutMillis', 'got NaN (number)'],
    [{ idleTimeoutMillis: true }, 'idleTimeoutMillis', 'got true (boolean)'],
    [{ ssl: 'require' }, 'ssl', "`'verify-full'`, `'no-verify'`, true, false or an object, got a string"],
    [{ ssl: 1 }, 'ssl', 'got a number that is not shown'],
    [{ log: 'loud' }, 'log', "to be true, 'debug', 'info', 'warn' or a function, got 'loud' (string)"],
    [{ min: -1 }, 'min', 'Expected `min` to be a non-negative integer, got -1 (number)'],
    [{ max: 2, min: 3 }, 'min', 'Expected `min` to be at most `max` (2), got 3 (number)'],
    [{ max: { deep: { er: 'x'.repeat(100) } } }, 'max', 'Expected `max` to be a positive integer, got an object'],
    [{ max: [2] }, 'max', 'got a list'],
    [{ min: () => 1 }, 'min', 'got a function'],
    [{ port: 'main' }, 'port', "Expected `port` to be a port from 1 to 65535, got 'main' (string)"],
    [{ port: 65_536 }, 'port', 'got 65536 (number)'],
    [{ password: ['marker'] }, 'password', 'to be a string or a function, got a list that is not shown'],
    [{ credentials: { user: 'me' } }, 'credentials', 'to be a provider such as'],
    [{ credentials: { user: 'me' } }, 'credentials', 'got an object that is not shown'],
    [{ credentials: () => ({}) }, 'credentials', '`credentialsFrom(yourFunction)` of pg-thaw/credentials'],
    [{ lingerMillis: -1 }, 'lingerMillis', 'Expected `lingerMillis` to be a number of ms, 0 or more, got -1 (number)'],
    [{ lingerMillis: '1s' }, 'lingerMillis', "got '1s' (string)"],
    [{ connectionTimeoutMillis: -1 }, 'connectionTimeoutMillis', 'to be a number of ms, 0 or more, got -1'],
    [{ connectionTimeoutMillis: Number.NaN }, 'connectionTimeoutMillis', 'got NaN (number)'],
    [{ idleTimeoutMillis: '5s' }, 'idleTimeoutMillis', "to be a number of ms, 0 or more, got '5s' (string)"],
    [{ maxLifetimeSeconds: -5 }, 'maxLifetimeSeconds', 'to be a number of s, 0 or more, got -5'],
    [{ target: 'proxy' }, 'target', "one of 'direct', 'pgbouncer', 'rds-proxy', 'dsql', got 'proxy'"],
    [{ target: 'pgbouncer', leaseMillis: 5000 }, 'leaseMillis', "left out with `target: 'pgbouncer'`"],
    [{ target: 'rds-proxy', statement_timeout: 5000 }, 'statement_timeout', "whose sessions are not the pool's own"],
    [{ target: 'dsql', options: '-c a=b' }, 'options', 'left out'],
    [{ target: 'pgbouncer', reset: 'clean' }, 'reset', "'rollback' or 'none'"],
    [{ target: 'dsql', maxLifetimeSeconds: 3600 }, 'maxLifetimeSeconds', 'at most 3300'],
    [{ target: 'rds-proxy', maxLifetimeSeconds: 0 }, 'maxLifetimeSeconds', 'at most 82800'],
    [{ deadlineMarginMillis: 900_001 }, 'deadlineMarginMillis', '0 to 900000'],
    [{ deadlineMarginMillis: 500, connectionTimeoutMillis: 500 }, 'deadlineMarginMillis', 'less than'],
    [{ validationTimeoutMillis: 600, connectionTimeoutMillis: 500 }, 'validationTimeoutMillis', 'at most'],
    [{ leaseMillis: 400, validationTimeoutMillis: 500 }, 'leaseMillis', 'at least `validationTimeoutMillis` (500)'],
    [{ maxWaiting: -1 }, 'maxWaiting', 'a non-negative integer or Infinity'],
    [{ leaseMillis: 300_001 }, 'leaseMillis', 'to be 0 (none) or a number of ms, 100 to 300000, got 300001'],
    [{ leaseMillis: 99 }, 'leaseMillis', '100 to 300000, got 99'],
    [{ leaseMillis: '75s' }, 'leaseMillis', "got '75s' (string)"],
    [{ validationTimeoutMillis: 0 }, 'validationTimeoutMillis', 'to be more than 0, got 0'],
    [{ maxUses: -1 }, 'maxUses', 'to be a non-negative integer or Infinity, got -1'],
    [{ pooling: 'sometimes' }, 'pooling', "to be one of 'auto', 'always', 'never', got 'sometimes' (string)"],
    [{ reset: 'all' }, 'reset', "to be one of 'rollback', 'clean', 'none' or a function, got 'all' (string)"],
    [{ validate: 'yes' }, 'validate', "to be true or false, got 'yes' (string)"],
    [{ onConnect: true }, 'onConnect', 'to be a function, got true (boolean)'],
    [{ name: ' ' }, 'name', "to be a non-empty string, got ' ' (string)"],
    [
      { connectionString: 'db' },
      'connectionString',
      "to be postgres://… or a socket's path, got a string that is not shown",
    ],
  ])('%o', (options, option, message) => {
    const error = refusal(options)
    expect(error).toMatchObject({ code: 'POOL_OPTION_INVALID', option, name: 'PoolOptionError' })
    expect(error.message).toContain(message)
  })

  describe.each(['pgbouncer', 'rds-proxy', 'dsql'] as const)('with the target %s', (target) => {
    it.each([
      { leaseMillis: 5000 },
      { options: '-c work_mem=7MB' },
      { statement_timeout: 5000 },
      { lock_timeout: 5000 },
      { idle_in_transaction_session_timeout: 5000 },
    ])('%o', (option) => {
      const [name] = Object.keys(option)
      const reason = `left out with \`target: '${target}'\`, whose sessions are not the pool's own`
      const error = refusal({ target, ...option })
      expect(error).toMatchObject({ code: 'POOL_OPTION_INVALID', option: name })
      expect(error.message).toContain(reason)
      vi.stubEnv('PG_THAW_TARGET', target)
      expect(refusal(option).message).toContain(reason)
      expect(resolveOptions({ ...option, target: 'direct' })).toMatchObject({ target: 'direct' })
    })

    it('a reset of the session', () => {
      expect(refusal({ target, reset: 'clean' })).toMatchObject({ option: 'reset' })
      expect(resolveOptions({ target, reset: 'rollback', leaseMillis: 0 })).toMatchObject({ target })
    })
  })

  it.each([
    ['a string', 'postgres://me:marker-secret@localhost/db'],
    ['a number', 5],
    ['a list', ['marker-secret']],
    ['a function', () => 'marker-secret'],
  ])('%s in place of the options', (kind, options) => {
    const text = `Expected the options of a pool to be an object such as \`{ connectionString }\`, got ${kind}`
    for (const make of [() => new Pool(options as object), () => createPool(options as object)]) {
      expect(make).toThrow(expect.objectContaining({ code: 'POOL_OPTION_INVALID', option: 'options', message: text }))
    }
  })

  it('a margin that is longer than the default time limit of Lambda', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
    expect(refusal({ deadlineMarginMillis: 10_000 })).toMatchObject({ option: 'deadlineMarginMillis' })
    expect(refusal({ validationTimeoutMillis: 10_001 })).toMatchObject({ option: 'validationTimeoutMillis' })
    expect(refusal({ validationTimeoutMillis: 5000, leaseMillis: 4999 })).toMatchObject({ option: 'leaseMillis' })
  })

  it.each([
    'mysql://me:marker-secret@localhost/db',
    'http://me:marker-secret@localhost/db',
    'host=db password=marker-secret',
    'marker-secret',
    ' postgres://me:marker-secret@localhost/db',
  ])('a connection string that leads nowhere: %s', (connectionString) => {
    const error = refusal({ connectionString })
    expect(error.option).toBe('connectionString')
    expect(error.message).not.toContain('marker-secret')
  })

  it('no connection string that pg has a use for', () => {
    for (const connectionString of [
      'postgres://me@localhost/db',
      'postgresql:///db',
      'postgresql+psycopg://me@localhost/db',
      'POSTGRES://localhost',
      '/var/run/postgresql db',
      'socket:/var/run/postgresql?db=db',
    ]) {
      expect(new Pool({ connectionString }).stats()).toMatchObject({ total: 0 })
    }
  })

  it('does not repeat a secret', () => {
    expect(refusal({ connectionString: 5 }).message).not.toContain('5')
    expect(refusal({ connectionString: ['marker-secret'] }).message).not.toContain('marker-secret')
  })
})

describe('an unknown option', () => {
  /** What the process was warned of while these options were taken. */
  function warnings(...all: object[]): string[] {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    for (const options of all) new Pool(options)
    const said = warn.mock.calls.map(([text, about]) => `${(about as { code: string }).code}: ${text}`)
    warn.mockRestore()
    return said
  }

  it('is passed over with a process warning, once for each name', () => {
    const said = warnings({ schema: 'app', url: 'marker-secret', max: 2 }, { schema: 'other', adapter: {} }, { '': 1 })
    expect(said).toEqual(
      ['schema', 'url', 'adapter', ''].map(
        (name) => `PG_THAW_OPTION: Unknown option \`${name}\` of a pool: it is passed over`,
      ),
    )
  })

  it('is told the known name that it begins with', () => {
    expect(warnings({ maxConnections: 3 })).toEqual([
      'PG_THAW_OPTION: Unknown option `maxConnections` of a pool: it is passed over; did you mean `max`?',
    ])
  })

  it.each([
    { type: 'postgres' },
    { client: 'pg' },
    { connection: { filename: 'x' } },
    { pool: { min: 0, max: 3 } },
    { logs: 5 },
    { pasword: undefined },
    { logLevel: 'info' },
  ])('is no slip where the option could not have its value: %o', (options) => {
    expect(warnings(options)).toEqual([expect.stringContaining('PG_THAW_OPTION: Unknown option')])
  })

  it('is refused by name where it is the slip of a known one, of ours and of pg’s', () => {
    expect(warnings()).toEqual([])
    expect(refusal({ leaseMilis: 3 }).message).toBe('Unknown option `leaseMilis`; did you mean `leaseMillis`?')
    expect(refusal({ aplication_name: 'me' }).message).toContain('did you mean `application_name`?')
  })
})

describe('defaults', () => {
  it('are those of an ordinary process outside Lambda', () => {
    expect(resolveOptions({})).toMatchObject({
      max: 10,
      min: 0,
      connectionTimeoutMillis: Number.POSITIVE_INFINITY,
      idleTimeoutMillis: 10_000,
      leaseMillis: Number.POSITIVE_INFINITY,
      maxLifetimeMillis: 1_800_000,
      pooling: 'auto',
    })
  })

  it('suit a frozen environment on Lambda', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
    vi.stubEnv('AWS_LAMBDA_RUNTIME_API', '127.0.0.1:9001')
    expect(resolveOptions({})).toMatchObject({
      min: 1,
      connectionTimeoutMillis: 10_000,
      idleTimeoutMillis: Number.POSITIVE_INFINITY,
      leaseMillis: 75_000,
    })
  })

  it.each<[string, Record<string, string>]>([
    ['Managed Instances', { AWS_LAMBDA_INITIALIZATION_TYPE: 'lambda-managed-instances' }],
    ['Vercel', { VERCEL: '1' }],
  ])('close what is idle by a timer where environments of Lambda do not freeze after each call (%s)', (_where, own) => {
    const lambda = { AWS_LAMBDA_FUNCTION_NAME: 'orders', AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' }
    for (const [name, value] of Object.entries({ ...lambda, ...own })) vi.stubEnv(name, value)
    expect(resolveOptions({})).toMatchObject({
      min: 0,
      connectionTimeoutMillis: 10_000,
      idleTimeoutMillis: 10_000,
      leaseMillis: 75_000,
    })
  })

  it('are overridden by what is given, on Lambda too, and 0 means no limit', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
    expect(
      resolveOptions({ min: 0, leaseMillis: 0, idleTimeoutMillis: 5000, maxLifetimeSeconds: 0, maxUses: 7 }),
    ).toMatchObject({
      min: 0,
      leaseMillis: Number.POSITIVE_INFINITY,
      idleTimeoutMillis: 5000,
      maxLifetimeMillis: Number.POSITIVE_INFINITY,
      maxUses: 7,
    })
  })

  it('take max, min and target from the environment, where they are not given', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
    vi.stubEnv('PG_THAW_MAX', '3')
    vi.stubEnv('PG_THAW_MIN', '0')
    vi.stubEnv('PG_THAW_TARGET', 'rds-proxy')
    expect(resolveOptions({})).toMatchObject({
      max: 3,
      min: 0,
      target: 'rds-proxy',
      leaseMillis: Number.POSITIVE_INFINITY,
    })
    expect(resolveOptions({ max: 2, target: 'direct' })).toMatchObject({
      max: 2,
      target: 'direct',
      leaseMillis: 75_000,
    })
    vi.stubEnv('PG_THAW_MAX', 'many')
    expect(refusal({})).toMatchObject({ option: 'PG_THAW_MAX' })
    vi.stubEnv('PG_THAW_TARGET', 'proxy')
    expect(refusal({})).toMatchObject({
      option: 'PG_THAW_TARGET',
      message: expect.stringContaining("one of 'direct', "),
    })
    vi.unstubAllEnvs()
    vi.stubEnv('PG_THAW_MIN', '4')
    expect(refusal({ max: 2 })).toMatchObject({ option: 'PG_THAW_MIN', message: expect.stringContaining('`max` (2)') })
  })

  it('keep the time for a sign of life below the other limits', () => {
    expect(resolveOptions({})).toMatchObject({
      validationTimeoutMillis: 1000,
      deadlineMarginMillis: undefined,
      lingerMillis: 1000,
    })
    expect(resolveOptions({ connectionTimeoutMillis: 400 })).toMatchObject({ validationTimeoutMillis: 400 })
    expect(resolveOptions({ leaseMillis: 300 })).toMatchObject({ validationTimeoutMillis: 150 })
  })

  it('take a port and a password in any form that pg takes', () => {
    for (const port of ['5432', '', 0, null, undefined]) {
      expect(resolveOptions({ port, password: () => 'p' } as object)).toMatchObject({ max: 10 })
    }
  })

  it("take pg's poolSize, null and undefined as pg does", () => {
    expect(resolveOptions({ poolSize: 4 } as object)).toMatchObject({ max: 4 })
    expect(resolveOptions({ max: undefined })).toMatchObject({ max: 10, idleTimeoutMillis: 10_000 })
    expect(new Pool({ idleTimeoutMillis: null, max: null } as object).options).toMatchObject({
      max: 10,
      idleTimeoutMillis: 0,
    })
  })

  it('stand where null, false or the parts of a URL are given, as pg takes them', () => {
    expect(
      resolveOptions({ max: null, maxLifetimeSeconds: null, query_timeout: false, sslmode: 'require' } as object),
    ).toMatchObject({ max: 10, maxLifetimeMillis: 1_800_000, fanOut: true })
    expect(new Pool(null as never).options.max).toBe(10)
  })

  it('are frozen', () => {
    expect(Object.isFrozen(resolveOptions({}))).toBe(true)
  })
})

/** A client that is never dialled: it shows what it was given. */
function givenToClient(options: object): Record<string, unknown> {
  let given: Record<string, unknown> = {}
  class Client {
    constructor(config: Record<string, unknown>) {
      given = config
      throw new Error('seen')
    }
  }
  void new Pool({ ...options, Client: Client as never }).connect().catch(() => {})
  return given
}

describe('what was given', () => {
  it('reaches the client whole, and is not changed', () => {
    const ssl = { key: 'k', passphrase: 'p', pfx: 'x', ca: 'c' }
    const given = givenToClient({ ssl })
    expect(given.ssl).toEqual(ssl)
    expect(given.ssl).not.toBe(ssl)
    expect(Object.keys(ssl)).toEqual(['key', 'passphrase', 'pfx', 'ca'])
  })

  it('reaches it with what is hidden, frozen, or of a class, as it was', () => {
    const hidden = Object.defineProperty({ ca: 'c' }, 'key', { value: 'k' })
    class Tls {
      readonly ca = 'c'
      get servername() {
        return 'db'
      }
    }
    expect(givenToClient({ ssl: hidden }).ssl).toMatchObject({ key: 'k', ca: 'c' })
    expect(givenToClient(Object.freeze({ ssl: Object.freeze({ key: 'k' }) })).ssl).toMatchObject({ key: 'k' })
    expect(givenToClient({ ssl: new Tls() }).ssl).toMatchObject({ ca: 'c', servername: 'db' })
    expect(new Pool(Object.defineProperty({}, 'max', { value: 3 })).options.max).toBe(3)
  })

  it('is the same to createPool in any form that it may have', () => {
    expect(createPool({ max: '3', host: 'forms.test' } as object)).toBe(createPool({ max: 3, host: 'forms.test' }))
  })

  it('can be taken from another pool', () => {
    const first = new Pool({ connectionString: 'postgres://me:secret@nowhere.invalid/db', max: 3 })
    const second = new Pool(first.options)
    expect(second.options).toMatchObject({ max: 3, min: 0, maxLifetimeSeconds: 1800, allowExitOnIdle: true })
    expect(Reflect.get(second.options, 'connectionString')).toBe('postgres://me:secret@nowhere.invalid/db')
  })
})

describe('secrets', () => {
  it('are readable by name and shown nowhere', async () => {
    const marker = 'marker-secret-41c7'
    const pool = new Pool({
      password: marker,
      connectionString: `postgres://me:${marker}@localhost/db`,
      ssl: { key: marker, passphrase: marker },
    })
    expect(pool.options.password).toBe(marker)
    expect(inspect(pool, { depth: 20 })).not.toContain(marker)
    expect(JSON.stringify({ options: pool.options, stats: pool.stats() })).not.toContain(marker)
    await pool.end()
  })
})
