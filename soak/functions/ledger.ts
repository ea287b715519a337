import dns from 'node:dns'
import { readFileSync } from 'node:fs'
import { createPool, type PoolClient, type PoolOptions, wrapHandler } from 'pg-thaw'
import { secretsExtension } from 'pg-thaw/secrets-extension'
import type { Entered, Entry, Task } from '../entry'

const READ = 'SELECT $1::int AS asked, count(*)::int AS times FROM writes WHERE key = $1'
const WRITE = 'INSERT INTO writes (key) VALUES ($1) RETURNING key'

const { PGHOST: address = '', PGPORT: port, SECRET_ID: secretId = '', RESOLVER: resolver = '' } = process.env

/** The database's name, and a resolver for it that can be out of order, which a file says. */
const host = 'database.soak'
const lookup = dns.lookup
dns.lookup = ((name: string, options: object, answer: (error: Error | null, ...rest: unknown[]) => void) => {
  if (name !== host) return lookup(name, options, answer as never)
  const outage = readFileSync(resolver, 'utf8')
  if (outage === '') return lookup(address, options, answer as never)
  const error = Object.assign(new Error(`getaddrinfo ${outage} ${name}`), { code: outage, syscall: 'getaddrinfo' })
  setImmediate(answer, error)
}) as typeof dns.lookup

const pool = createPool({
  host,
  port: Number(port),
  database: 'postgres',
  credentials: secretsExtension({ secretId }),
  ssl: false,
  ...(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions),
})

export const handler = wrapHandler(async ({ does, keys }: Entry): Promise<Entered> => {
  try {
    await work(does, keys)
    return {}
  } catch (error) {
    const {
      code = 'no code',
      phase,
      retry = 'none',
      message,
    } = error as Error & Record<'code' | 'phase' | 'retry', string>
    return { failed: { code, phase: phase ?? (retry === 'safe' ? 'not begun' : 'statement'), retry, message } }
  }
})

type Asked = Pick<PoolClient, 'query'>

async function work(does: Task, [first, second]: Entry['keys']): Promise<void> {
  switch (does) {
    case 'read':
      await read(pool, first)
      return
    case 'write':
      await write(pool, first)
      return
    case 'together': {
      const reads = [0, 1, 2].map((offset) => read(pool, first + offset))
      const all = await Promise.allSettled([...reads, write(pool, first)])
      for (const it of all) if (it.status === 'rejected') throw it.reason
      return
    }
    case 'client': {
      const client = await pool.connect()
      try {
        await writeAndRead(client, first)
      } finally {
        client.release()
      }
      return
    }
    case 'use':
      await pool.use((client) => writeAndRead(client, first))
      return
    case 'transaction':
      await pool.transaction(
        async (client) => {
          await write(client, first)
          await write(client, second)
        },
        { retries: 3 },
      )
      return
    default:
      does satisfies never
  }
}

/** How often a key is there, as far as this session's server knows. */
async function read(on: Asked, key: number): Promise<number> {
  const { rows } = await on.query<{ asked: number; times: number }>(READ, [key])
  const [row] = rows
  if (rows.length !== 1 || row?.asked !== key) throw wrongAnswer(`the row of ${key}`, rows)
  return row.times
}

async function write(on: Asked, key: number): Promise<void> {
  const { rows } = await on.query<{ key: number }>(WRITE, [key])
  if (rows.length !== 1 || rows[0]?.key !== key) throw wrongAnswer(`the key ${key}`, rows)
}

async function writeAndRead(client: Asked, key: number): Promise<void> {
  await write(client, key)
  const times = await read(client, key)
  if (times !== 1) throw wrongAnswer(`${key} once`, times)
}

function wrongAnswer(expected: string, got: unknown): Error {
  const error = new Error(`Expected ${expected}, got ${JSON.stringify(got)}`)
  return Object.assign(error, { code: 'WRONG_ANSWER', phase: 'answer', retry: 'never' })
}
