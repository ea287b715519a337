import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'

// No server of this age, and no proxy, runs here: these few messages of the protocol are what they answer to a startup.

const IDLE = message('Z', Buffer.from('I'))
const READY = Buffer.concat([message('R', Buffer.from([0, 0, 0, 0])), IDLE])
const DONE = Buffer.concat([message('C', Buffer.from('SELECT 0\0')), IDLE])
/** Parsed, bound, without rows. */
const RUN = Buffer.concat([...['1', '2', 'n'].map((type) => message(type, Buffer.alloc(0))), DONE])

let server: Server
let refusal: string
/** Startups that are refused whatever is in them. */
let refusals: number
let startups: string[]
/** Statements that were asked for under a name. */
let named: number

const warn = vi.spyOn(process, 'emitWarning')

beforeEach(async () => {
  refusals = 0
  startups = []
  named = 0
  warn.mockReset().mockImplementation(() => {})
  server = createServer((socket) => {
    let started = false
    socket.on('error', () => {})
    socket.on('data', (data) => {
      if (started) {
        const asked = data.toString('latin1')
        if (/pg_thaw_|by key/.test(asked)) named += 1
        // One question at a time: a query, or what ends with a Sync.
        if (asked.startsWith('Q')) socket.write(DONE)
        else if (asked.startsWith('S')) socket.write(IDLE)
        else if (asked.endsWith('S\0\0\0\x04')) socket.write(RUN)
        return
      }
      started = true
      const startup = data.toString('latin1')
      startups.push(startup.includes('idle_session_timeout') ? 'with lease' : 'without')
      refusals -= 1
      if (refusals < 0 && !(refusal && startup.includes('idle_session_timeout'))) socket.write(READY)
      else socket.end(message('E', Buffer.from(`SFATAL\0C${refusal || '08P01'}\0Mno such parameter\0\0`)))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => new Promise((resolve) => server.close(resolve)))

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

function port(): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

describe('a lease that the other side does not know', () => {
  it.each([
    ['42704', 'a server before 14', []],
    ['08P01', 'a pooler', ['PG_THAW_TARGET']],
  ])('%s: %s is met without one, by every connection of a burst, and it is remembered', async (code, _, told) => {
    refusal = code
    await using pool = openPool()
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect(), pool.connect()])
    expect(pool.stats()).toMatchObject({ lent: 4, dialFailures: 0 })
    for (const client of clients) client.release(true)
    await pool.query('')
    expect(startups.filter((it) => it === 'with lease').length).toBe(4)
    expect(startups.at(-1)).toBe('without')
    expect(pool.stats().dialFailures).toBe(0)
    await using another = openPool()
    await another.query('')
    expect(warn.mock.calls.map(([, about]) => (about as { code?: string }).code)).toEqual(told)
  })

  it.each([
    ['a server before 14 is sent names of statements', '42704', undefined, 2],
    ['a pooler is sent none', '08P01', undefined, 0],
    ["a pooler is sent them by who says `target: 'direct'`", '08P01', 'direct', 2],
  ] as const)('%s', async (_, code, target, expected) => {
    refusal = code
    await using pool = openPool({ max: 1, prepare: 0, target })
    await pool.query('SELECT $1', ['a'])
    await pool.query({ name: 'by key', text: 'SELECT $1', values: ['a'] })
    expect(named).toBe(expected)
    expect(startups).toEqual(['with lease', 'without'])
    if (expected > 0) expect(warn).not.toHaveBeenCalled()
  })

  it('is asked for again where it was not what was refused', async () => {
    refusal = ''
    // Once with it, and once without.
    refusals = 2
    await using pool = openPool({ max: 1, connectionTimeoutMillis: 5000 })
    await pool.query('')
    expect(startups).toEqual(['with lease', 'without', 'with lease'])
    expect(warn).not.toHaveBeenCalled()
  })
})

function openPool(options: PoolOptions = {}): Pool {
  const own = { host: '127.0.0.1', port: port(), user: 'me', password: 'x', ssl: false, leaseMillis: 5000, max: 4 }
  return new Pool({ ...own, ...options })
}
