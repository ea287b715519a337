import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pool, type PoolOptions } from '../../../src/index'
import { recognise } from '../../../src/postgres/connection/opening/recognise'
import { resolveOptions } from '../../../src/postgres/options/options'

const proxy = 'orders.proxy-cx3k9.eu-west-1.rds.amazonaws.com'
const dsql = 'abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws'
const neon = 'ep-cool-darkness-123456-pooler.us-east-2.aws.neon.tech'
const supabase = 'aws-0-eu-central-1.pooler.supabase.com'

const warn = vi.spyOn(process, 'emitWarning')

beforeEach(() => {
  warn.mockImplementation(() => {})
  for (const name of ['PGHOST', 'PGPORT', 'PG_THAW_TARGET']) vi.stubEnv(name, undefined)
})
afterEach(() => {
  warn.mockReset()
  vi.unstubAllEnvs()
})

function said(): string[] {
  return warn.mock.calls.map(([text, about]) => `${(about as { code: string }).code}: ${text}`)
}

describe('a target is recognised by the name of its host', () => {
  it.each([
    [proxy, 'rds-proxy'],
    ['reader.endpoint.proxy-cx3k9.eu-west-1.rds.amazonaws.com', 'rds-proxy'],
    ['orders.proxy-cx3k9.rds.cn-north-1.amazonaws.com.cn', 'rds-proxy'],
    ['orders.proxy-cx3k9.cn-north-1.rds.amazonaws.com.cn', 'rds-proxy'],
    [proxy.toUpperCase(), 'rds-proxy'],
    [dsql, 'dsql'],
    ['abcdefghijklmnopqrstuvwxyz.dsql-fnh4.us-east-1.on.aws', 'dsql'],
    [neon, 'pgbouncer'],
    ['ep-cool-darkness-123456-pooler.eastus2.azure.neon.tech', 'pgbouncer'],
    ['ep-cool-darkness-a1b2c3d4-pooler.c-2.us-east-2.aws.neon.tech', 'pgbouncer'],
    ['ep-cool-darkness-123456-pooler.us-east-1.postgres.vercel-storage.com', 'pgbouncer'],
  ])('%s is %s', (host, target) => {
    expect(recognise({ host })).toBe(target)
    expect(recognise({ host, port: 6432 })).toBe(target)
    expect(recognise({ connectionString: `postgres://me:p-%40@${host}/db?sslmode=require` })).toBe(target)
    expect(recognise({ connectionString: `postgresql://me@${host}:6432/db` })).toBe(target)
  })

  it.each([
    // A database whose own name is like that of a proxy, and others of RDS.
    'proxy-orders.cx3k9.eu-west-1.rds.amazonaws.com',
    'orders.cx3k9.eu-west-1.rds.amazonaws.com',
    'orders.cluster-cx3k9.eu-west-1.rds.amazonaws.com',
    'orders.cluster-custom-cx3k9.eu-west-1.rds.amazonaws.com',
    'orders.cx3k9.rds.cn-north-1.amazonaws.com.cn',
    `${proxy}.example.com`,
    'orders.proxy-cx3k9.example.com',
    'dsql.us-east-1.on.aws',
    'dsql.us-east-1.api.aws',
    `${dsql}.example.com`,
    'orders.lambda-url.us-east-1.on.aws',
    'ep-cool-darkness-123456.us-east-2.aws.neon.tech',
    'ep-pooler-darkness-123456.us-east-2.aws.neon.tech',
    'ep-cool-darkness-123456-pooler.us-east-2.aws.notneon.tech',
    `${neon}.example.com`,
    'neon.tech',
    'my-pooler.example.com',
    supabase,
    'pooler.supabase.com',
    'db.abcdefghijklmnopqrst.supabase.co',
    'localhost',
    '127.0.0.1',
    '/var/run/postgresql',
  ])('%s is none', (host) => {
    expect(recognise({ host })).toBeUndefined()
    if (!host.startsWith('/')) expect(recognise({ connectionString: `postgres://me@${host}/db` })).toBeUndefined()
  })

  it("of Supabase's pooler by the port: behind 5432 sessions are their clients' own", () => {
    for (const host of [supabase, 'db.abcdefghijklmnopqrst.supabase.co']) {
      expect(recognise({ host, port: 6543 })).toBe('pgbouncer')
      expect(recognise({ host, port: '6543' })).toBe('pgbouncer')
      expect(recognise({ host, port: 5432 })).toBeUndefined()
      expect(recognise({ connectionString: `postgres://me:p@${host}:6543/postgres` })).toBe('pgbouncer')
      expect(recognise({ connectionString: `postgres://me:p@${host}:5432/postgres` })).toBeUndefined()
      vi.stubEnv('PGPORT', '6543')
      expect(recognise({ host })).toBe('pgbouncer')
      expect(recognise({ host, port: 5432 })).toBeUndefined()
      vi.stubEnv('PGPORT', undefined)
    }
    expect(recognise({ host: 'supabase.example.com', port: 6543 })).toBeUndefined()
  })

  it('which is looked for where pg looks: a connection string goes before `host`, and both before PGHOST', () => {
    vi.stubEnv('PGHOST', neon)
    expect(recognise({})).toBe('pgbouncer')
    expect(recognise({ host: 'localhost' })).toBeUndefined()
    expect(recognise({ connectionString: 'postgres://localhost/db', host: proxy })).toBeUndefined()
    expect(recognise({ connectionString: `postgres://${proxy}/db`, host: 'localhost' })).toBe('rds-proxy')
    expect(recognise({ connectionString: '/var/run/postgresql db' })).toBeUndefined()
  })

  it('whatever else in a connection string is called so', () => {
    expect(recognise({ connectionString: `postgres://me:${neon}@localhost/${neon}?application_name=${neon}` })).toBe(
      undefined,
    )
  })
})

describe('a pool whose target is not said', () => {
  it('goes by the name, and tells the process so once for each target', () => {
    for (let pools = 0; pools < 2; pools += 1) {
      for (const host of [neon, proxy, dsql]) new Pool({ host })
    }
    expect(said()).toEqual(
      ['pgbouncer', 'rds-proxy', 'dsql'].map(
        (target) =>
          `PG_THAW_TARGET: \`target: '${target}'\` is read off the host's name: say so, or \`target: 'direct'\``,
      ),
    )
  })

  it('obeys what the target needs', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
    expect(resolveOptions({ host: proxy })).toMatchObject({
      target: 'rds-proxy',
      leaseMillis: Number.POSITIVE_INFINITY,
      prepareAfter: Number.POSITIVE_INFINITY,
    })
  })

  it('passes over what the target would have refused, and tells it', () => {
    const options: PoolOptions = {
      host: dsql,
      leaseMillis: 5000,
      prepare: 'auto',
      preparedStatements: 10,
      reset: 'clean',
      maxLifetimeSeconds: 0,
    }
    expect(resolveOptions(options)).toMatchObject({
      target: 'dsql',
      leaseMillis: Number.POSITIVE_INFINITY,
      prepareAfter: Number.POSITIVE_INFINITY,
      reset: 'rollback',
      maxLifetimeSeconds: 1800,
    })
    expect(said()).toHaveLength(1)
    for (const name of ['leaseMillis', 'prepare', 'preparedStatements', 'reset', 'maxLifetimeSeconds'])
      expect(said()[0]).toContain(`without \`${name}\``)
  })

  it('sends settings that were given, whose loss would have queries run elsewhere or without end', () => {
    const settings = { options: '--search_path=app', statement_timeout: 5000 }
    expect(resolveOptions({ host: neon, ...settings })).toMatchObject({ target: 'pgbouncer', sendsSettings: true })
    expect(said().join()).not.toContain('without')
    expect(resolveOptions({ host: neon, target: 'pgbouncer' })).toMatchObject({ sendsSettings: false })
  })

  it('prepares through PgBouncer where that is asked for', () => {
    expect(resolveOptions({ host: neon, prepare: 'auto' })).toMatchObject({ target: 'pgbouncer', prepareAfter: 1 })
    expect(resolveOptions({ host: neon })).toMatchObject({ prepareAfter: Number.POSITIVE_INFINITY })
  })
})

describe('a pool whose target is said', () => {
  it('goes by that, in silence', () => {
    expect(resolveOptions({ host: neon, target: 'direct', leaseMillis: 5000 })).toMatchObject({
      target: 'direct',
      leaseMillis: 5000,
    })
    vi.stubEnv('PG_THAW_TARGET', 'direct')
    expect(resolveOptions({ host: proxy })).toMatchObject({ target: 'direct' })
    vi.stubEnv('PG_THAW_TARGET', 'rds-proxy')
    expect(resolveOptions({ host: neon })).toMatchObject({ target: 'rds-proxy' })
    expect(said()).toEqual([])
  })

  it('or has a creator, which knows the address', () => {
    expect(resolveOptions({ host: neon, creator: () => new Promise(() => {}) })).toMatchObject({ target: 'direct' })
    expect(said()).toEqual([])
  })
})
