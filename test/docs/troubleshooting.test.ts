import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { credentialsFrom } from '../../src/credentials/index'
import { Pool, PoolError, type PoolOptions } from '../../src/index'
import { startTlsServer, type TlsServer } from '../support/tls-server'
import { codesIn, codesOfTheLibrary, warningsOfTheLibrary } from './support/codes'
import { pages, readPage } from './support/pages'
import { rowsOf, spansOf, type TableRow } from './support/tables'

const page = readPage('docs/troubleshooting.md')
const rows = rowsOf(page)

/** The row for an error, by its code or else by a piece of its text. */
function rowFor(span: string): TableRow {
  const found = rows.find((row) => spansOf(row.code ?? row['code or text'] ?? '').includes(span))
  if (found === undefined) throw new Error(`docs/troubleshooting.md has no row for ${span}`)
  return found
}

describe('the troubleshooting page', () => {
  it('has a row for each code of the library, and for none that it has not', () => {
    const heads = rows.flatMap((row) => spansOf(row.code ?? row['code or text'] ?? ''))
    expect(codesOfTheLibrary()).toEqual(expect.arrayContaining(['POOL_ENDED', 'PG_THAW_BUDGET', 'LAMBDA_INIT']))
    expect(codesIn(heads.join('\n'))).toEqual(codesOfTheLibrary())
    expect(codesIn(page.text)).toEqual(codesOfTheLibrary())
  })

  it('has each process warning among them', () => {
    const [, section = ''] = page.text.split('## Process warnings')
    expect(warningsOfTheLibrary()).toEqual(expect.arrayContaining(['PG_THAW_UNFINISHED', 'PG_THAW_NO_GOODBYE']))
    expect(codesIn(section.split('\n## ')[0] ?? '')).toEqual(warningsOfTheLibrary())
  })

  it('says of the pool’s own errors what they say of trying again', () => {
    for (const row of rows) {
      const [code = ''] = spansOf(row.code ?? '')
      const [retry, ...others] = spansOf(row.retry ?? '')
      // Two answers, or one that whoever throws decides.
      if (!code.startsWith('POOL_') || others.length > 0 || retry === 'unknown') continue
      if (code === 'POOL_CREDENTIALS_TIMEOUT') continue
      expect({ code, retry: new PoolError(code, '').retry }).toEqual({ code, retry })
    }
  })
})

/** How errors come about, and what they look like. */
interface Mishap {
  readonly row: string
  readonly options?: PoolOptions
  readonly work?: (pool: Pool) => Promise<unknown>
}

const asked = (pool: Pool) => pool.query('SELECT 1')

it('no page names a code that the library has not', () => {
  for (const { path, text } of pages()) {
    const unknown = codesIn(text).filter((code) => !codesOfTheLibrary().includes(code))
    expect({ path, unknown }).toEqual({ path, unknown: [] })
  }
})

describe('errors as they come look as the page has them:', () => {
  let server: TlsServer
  let signIn: PoolOptions

  beforeAll(async () => {
    server = await startTlsServer()
    const { host, port, user, password, database } = server
    signIn = { host, port, user, password, database }
    const pool = new Pool(signIn)
    await pool.query("CREATE ROLE crowd LOGIN PASSWORD 'crowd' CONNECTION LIMIT 0; CREATE ROLE closed NOLOGIN")
    await pool.query("ALTER ROLE closed PASSWORD 'closed'")
    await pool.end()
  })
  afterAll(() => server?.close())

  /** Holds a client until the server ends its session, and goes on with it. */
  const tooLong = (pool: Pool) =>
    pool.use(async (client) => {
      const ended = new Promise((resolve) => client.once('error', resolve))
      await client.query('BEGIN')
      await ended
      await client.query('SELECT 1')
    })

  it.each<Mishap>([
    { row: '28P01', options: { password: 'wrong' } },
    { row: '28000', options: { user: 'closed', password: 'closed' } },
    { row: '3D000', options: { database: 'nowhere' } },
    { row: '42704', options: { options: '-c nonsense=1' } },
    { row: '53300', options: { user: 'crowd', password: 'crowd', connectionTimeoutMillis: 0 } },
    { row: 'ECONNREFUSED', options: { port: 1, connectionTimeoutMillis: 0 } },
    { row: 'ENOTFOUND', options: { host: 'nowhere.invalid' } },
    { row: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', options: { ssl: 'verify-full' } },
    { row: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', options: { password: undefined } },
    { row: '57014', work: (pool) => pool.query('SELECT pg_sleep(9)'), options: { statement_timeout: 30 } },
    { row: '57P01', work: (pool) => pool.query('SELECT pg_terminate_backend(pg_backend_pid())') },
    {
      row: '25006',
      work: (pool) =>
        pool.use(async (client) => {
          await client.query('BEGIN READ ONLY')
          await client.query('CREATE TABLE x ()')
        }),
    },
    {
      row: '25P03',
      options: { idle_in_transaction_session_timeout: 30 },
      work: tooLong,
    },
    {
      row: 'POOL_ACQUIRE_TIMEOUT',
      options: { max: 1, connectionTimeoutMillis: 100 },
      work: (pool) => pool.use(() => pool.connect()),
    },
    { row: 'POOL_TRANSACTION_LEFT_OPEN', work: (pool) => pool.query('BEGIN') },
    { row: 'POOL_TRANSACTION_ROLLED_BACK', work: (pool) => pool.transaction((it) => it.query('x').catch(() => {})) },
    {
      row: 'POOL_CREDENTIALS_INVALID',
      options: { credentials: credentialsFrom(() => ({ username: 'me' }) as object) },
    },
    {
      row: 'POOL_CREDENTIALS_FAILED',
      options: {
        credentials: credentialsFrom(() => {
          throw new Error('no')
        }),
      },
    },
  ])('$row', async ({ row: name, options = {}, work = asked }) => {
    const pool = new Pool({ connectionTimeoutMillis: 5000, ...signIn, ...options })
    const error: unknown = await work(pool).then(
      () => undefined,
      (reason) => reason,
    )
    await pool.end()
    const { code, retry, message } = error as PoolError
    const row = rowFor(name)
    if (code !== undefined && code !== 'POOL_DIAL_FAILED') expect(code).toBe(name)
    expect(spansOf(row.retry ?? '')).toContain(retry)
    // Where the page quotes the text, it is this one, whatever it says of names.
    const quotes = spansOf(row.text ?? row['code or text'] ?? '').filter((quote) => quote.includes(' '))
    if (quotes.length > 0)
      expect(
        quotes.some((quote) => matches(message, quote)),
        message,
      ).toBe(true)
  })
})

/** Whether a text has a quotation in it, in which `…` stands for anything. */
function matches(text: string, quote: string): boolean {
  const pattern = quote.split('…').map((part) => part.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(pattern.join('.*')).test(text)
}
