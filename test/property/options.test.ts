import { inspect } from 'node:util'
import fc from 'fast-check'
import { Client, type ClientConfig } from 'pg'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createPool, Pool, type PoolOptions } from '../../src/index'
import { PoolOptionError } from '../../src/pool/errors'
import { KNOWN_OPTIONS } from '../../src/postgres/options/known-options'
import { resolveOptions } from '../../src/postgres/options/options'
import { environment } from '../../src/registry/environment'
import { fuzz } from './support/fuzz'

/** In one piece wherever it goes: no character of it is escaped anywhere. */
const SECRET = 'hunter2marker'

const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('PG')) vi.stubEnv(name, undefined)
})
afterEach(() => {
  environment().pools.clear()
  vi.unstubAllEnvs()
})

/** What would be connected to, as pg sees it. */
interface Destination {
  readonly host: string
  readonly port: number
  readonly database?: string | undefined
  readonly user?: string | undefined
  readonly password?: unknown
  readonly ssl: unknown
}

/** All that were made. */
let made: Traveller[] = []

/** Goes nowhere. */
class Traveller extends Client {
  constructor(config?: string | ClientConfig) {
    super(config)
    made.push(this)
  }

  override connect(callback?: unknown): Promise<never> {
    const error = new Error('nobody travels today')
    if (typeof callback === 'function') callback(error)
    return callback === undefined ? Promise.reject(error) : (undefined as never)
  }
}

function destinationOf(client: object): Destination {
  const { host, port, database, user, password, ssl } = client as Destination
  return { host, port, database, user, password: typeof password === 'function' ? password() : password, ssl }
}

/** Where pg would go, or its error. */
function stock(options: object): Destination | Error {
  try {
    return destinationOf(new Client(options))
  } catch (error) {
    return error as Error
  }
}

/** All that is seen of something by those who print it. */
function shown(...things: unknown[]): string {
  return (
    things.map((it) => inspect(it, { depth: Infinity, showHidden: true })).join('\n') + JSON.stringify(warn.mock.calls)
  )
}

const word = fc.oneof(
  fc.constantFrom(
    'orders',
    'db.example.com',
    '127.0.0.1',
    '[::1]',
    '%2Fvar%2Frun',
    'a b',
    'ö',
    '%zz',
    '%E0%A4%A',
    '..',
    '',
  ),
  fc.string({ maxLength: 6 }),
)
const parameter = fc.oneof(
  fc.tuple(
    fc.constantFrom('sslmode'),
    fc.constantFrom('disable', 'require', 'no-verify', 'verify-ca', 'verify-full', 'prefer', 'allow', ''),
  ),
  fc.tuple(fc.constantFrom('ssl', 'uselibpqcompat'), fc.constantFrom('true', 'false', '0', '1', 'no-verify', '')),
  fc.tuple(fc.constantFrom('sslnegotiation'), fc.constantFrom('direct', 'postgres', 'none')),
  fc.tuple(
    fc.constantFrom('host', 'port', 'user', 'db', 'encoding', 'application_name', 'options', 'x', '__proto__'),
    word,
  ),
  fc.tuple(fc.constantFrom('sslrootcert', 'sslcert', 'sslkey'), fc.constantFrom('/nowhere.pem', 'system', '')),
  fc.constant(['password', SECRET] as [string, string]),
)

/** A connection string, or something like one. */
const connectionString = fc
  .tuple(
    fc.constantFrom(
      'postgres://',
      'postgresql://',
      'postgresql+psycopg://',
      'POSTGRES://',
      'pg:',
      'socket:/',
      'socket://',
      '/',
      'http://',
      '',
    ),
    fc.oneof({ weight: 3, arbitrary: word.map((user) => `${user}:${SECRET}@`) }, { weight: 1, arbitrary: word }),
    word,
    fc.oneof(
      fc.constantFrom('', '', ':5433', ':0', ':65536', ':x'),
      fc.nat().map((port) => `:${port}`),
    ),
    word.map((database) => `/${database}`),
    fc
      .array(parameter, { maxLength: 4 })
      .map((all) => (all.length > 0 ? `?${all.map((it) => it.join('=')).join('&')}` : '')),
    // A slip of whoever typed it.
    fc.option(
      fc.tuple(fc.nat({ max: 60 }), fc.constantFrom('', '@', ':', '/', '?', '#', '%', ' ', '\u0000', '\ud800', '[')),
      {
        freq: 3,
      },
    ),
  )
  .map(([scheme, login, host, port, database, parameters, slip]) => {
    const text = scheme + login + host + port + database + parameters
    return slip === null ? text : text.slice(0, slip[0]) + slip[1] + text.slice(slip[0] + 1)
  })

const text = fc.oneof(
  { weight: 5, arbitrary: connectionString },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
)

/** Certificates are looked at by other means than pg's, and never less. */
function expectVerified(seen: Destination | undefined, expected: Destination | Error): void {
  // To pg a path has no parameters; and no socket is called so.
  if (seen === undefined || expected instanceof Error || seen.host.startsWith('/')) return
  const { ssl, ...rest } = seen
  expect({ ...rest, ssl: expected.ssl }).toEqual(expected)
  if (expected.ssl) expect(Object(ssl || { rejectUnauthorized: false }).rejectUnauthorized).not.toBe(false)
}

describe('whatever the connection string is', () => {
  test('several hosts in it lead to each of them in turn, as one alone would in their place', async () => {
    const host = fc.constantFrom('one', 'two.example.com', '127.0.0.1', '[::1]', '%2Fvar%2Frun')
    const entry = fc.tuple(host, fc.constantFrom('', ':5433', ':1'))
    const hosts = fc.array(entry, { minLength: 2, maxLength: 4 })
    const rest = fc.constantFrom('', '/orders', '/orders?application_name=a,b', '?sslmode=no-verify', '/?ssl=true')
    const property = fc.asyncProperty(hosts, rest, async (hosts, rest) => {
      made = []
      const urlTo = (list: typeof hosts) => `postgres://me:${SECRET}@${list.map((it) => it.join('')).join(',')}${rest}`
      const pool = new Pool({ connectionString: urlTo(hosts), Client: Traveller } as PoolOptions)
      const error = await pool.query('SELECT 1').catch((it) => it)
      await pool.end()
      expect(error).toMatchObject({ name: 'DialError' })
      expect(made.map(destinationOf)).toEqual(hosts.map((it) => stock({ connectionString: urlTo([it]) })))
      expect(shown(pool, pool.options, error)).not.toContain(SECRET)
    })
    await fc.assert(property, fuzz(100))
  })

  test('it leads to where pg would go, or to the error that pg would make, or is refused as an option', async () => {
    const property = fc.asyncProperty(text, async (connectionString) => {
      made = []
      const expected = stock({ connectionString })
      let pool: Pool
      try {
        pool = new Pool({ connectionString, Client: Traveller } as PoolOptions)
      } catch (error) {
        expect(error).toBeInstanceOf(PoolOptionError)
        expect(shown(error)).not.toContain(SECRET)
        return
      }
      const error: Error = await pool.query('SELECT 1').catch((it) => it)
      await pool.end()
      expect(error).toMatchObject({ name: 'DialError', retry: 'never' })
      const seen = made[0] && destinationOf(made[0])
      if (/sslmode=verify-(full|ca)/.test(connectionString)) expectVerified(seen, expected)
      else if (connectionString.includes(',')) expect(seen === undefined || seen.port >= 0).toBe(true)
      else if (expected instanceof Error) expect(error.message).toContain(expected.message)
      else expect(seen).toEqual(expected)
      const elsewhere = { ...(seen as Destination | undefined), password: undefined }
      if (!JSON.stringify(elsewhere).includes(SECRET)) expect(shown(pool, pool.options, error)).not.toContain(SECRET)
    })
    await fc.assert(property, fuzz(1000))
  })
})

const names = KNOWN_OPTIONS.flatMap(([names]) => names.split(' '))
/** A call of these is somebody else's code, which may throw what it likes. */
const CALLED = ['Promise', 'Client', 'types']

const hostile = fc.oneof(
  fc.constantFrom<unknown[]>(
    Symbol('odd'),
    10n,
    -0,
    '1e3',
    ' 5 ',
    '0x10',
    Number.MAX_VALUE,
    Infinity,
    Number.NaN,
    Object.create(null),
    () => 1,
    /x/,
    new Date(Number.NaN),
    Buffer.from('x'),
    'verify-full',
    'true',
    'no-verify',
    [],
    [[]],
    { toString: null, valueOf: 5 },
    Object.freeze({ rejectUnauthorized: false }),
  ),
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withTypedArray: true,
  }),
  fc.nat(),
  fc.double(),
  fc.boolean(),
)
const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...names.filter((it) => !CALLED.includes(it))) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', '') },
)

/** Some options, own and enumerable, with a secret among them. */
const options = fc
  .tuple(
    fc.array(fc.tuple(name, hostile), { minLength: 1, maxLength: 4 }),
    fc.constantFrom<object[]>(
      {},
      { password: SECRET },
      { connectionString: `postgres://me:${SECRET}@127.0.0.1/db` },
      { ssl: { key: SECRET } },
    ),
  )
  .map(([entries, secret]) => {
    const options = { ...secret }
    for (const [name, value] of entries) {
      Object.defineProperty(options, name, { value, enumerable: true, configurable: true, writable: true })
    }
    return options as PoolOptions
  })

describe('whatever the options are', () => {
  test.each([
    ['new Pool', (options: PoolOptions) => new Pool(options)],
    ['createPool', createPool],
  ])('%s makes a pool of them, or refuses one by its name, and shows no secret', (_, make) => {
    const property = fc.property(options, (options) => {
      warn.mockClear()
      try {
        const pool = make(options)
        expect(pool).toBeInstanceOf(Pool)
        expect(shown(pool, pool.options)).not.toContain(SECRET)
        expect(JSON.stringify(pool.stats())).not.toContain(SECRET)
      } catch (error) {
        expect(error).toBeInstanceOf(PoolOptionError)
        expect(error).toMatchObject({ code: 'POOL_OPTION_INVALID', option: expect.any(String) })
        expect(shown(error) + (error as Error).stack).not.toContain(SECRET)
      } finally {
        environment().pools.clear()
      }
    })
    fc.assert(property, fuzz(1000))
  })

  test('a connection string in the place of another option is not shown', () => {
    const url = fc.webUrl({ withQueryParameters: true }).map((it) => it.replace('://', `://me:${SECRET}@`))
    const property = fc.property(fc.constantFrom(...names.filter((it) => !CALLED.includes(it))), url, (name, value) => {
      try {
        resolveOptions({ [name]: value })
      } catch (error) {
        expect(error).toMatchObject({ name: 'PoolOptionError', option: name })
        expect(shown(error)).not.toContain(SECRET)
      }
    })
    fc.assert(property, fuzz(300))
  })

  test('what is no object is refused', () => {
    const nothing = fc.anything().filter((it) => it !== undefined && (typeof it !== 'object' || Array.isArray(it)))
    const property = fc.property(fc.oneof(nothing, connectionString), (options) => {
      expect(() => createPool(options as object)).toThrow(PoolOptionError)
      if (options === null) return
      expect(() => new Pool(options as object)).toThrow(PoolOptionError)
    })
    fc.assert(property, fuzz(300))
  })
})
