import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'

// No such proxy runs here: these few messages of the protocol are what they answer to a startup.

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
/** What the server never answers, if anything. */
let unanswered: RegExp | undefined
/** Statements that were asked for under a name. */
let named: number

const warn = vi.spyOn(process, 'emitWarning')

beforeEach(async () => {
  refusals = 0
  startups = []
  unanswered = undefined
  named = 0
  warn.mockReset().mockImplementation(() => {})
  server = createServer((socket) => {
    let started = false
    socket.on('error', () => {})
    socket.on('data', (data) => {
      if (started) {
        const asked = data.toString('latin1')
        if (unanswered?.test(asked)) return
        if (/pg_thaw_|by key/.test(asked)) named += 1
        // One question at a time: a query, or what ends with a Sync.
        if (asked.startsWith('Q')) socket.write(DONE)
        else if (asked.startsWith('S')) socket.write(IDLE)
        else if (asked.endsWith('S\0\0\0\x04')) socket.write(RUN)
        return
      }
      started = true
      const startup = data.toString('latin1')
      startups.push(startup.includes('pg_thaw.session') ? 'marked' : 'plain')
      refusals -= 1
      if (refusals < 0 && !(refusal && startup.includes('pg_thaw.session'))) socket.write(READY)
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

describe('the mark of a session that is to be limited', () => {
  it.each([
    ['42704', 'a server of another make', []],
    ['08P01', 'a pooler', ['PG_THAW_TARGET']],
  ])(
    '%s: where %s refuses it, nothing is limited, by every connection of a burst, and that is remembered',
    async (code, _, told) => {
      refusal = code
      await using pool = openPool()
      const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect(), pool.connect()])
      expect(pool.stats()).toMatchObject({ lent: 4, dialFailures: 0 })
      for (const client of clients) client.release(true)
      await pool.query('')
      expect(startups.filter((it) => it === 'marked').length).toBe(4)
      expect(startups.at(-1)).toBe('plain')
      expect(pool.stats().dialFailures).toBe(0)
      await using another = openPool()
      await another.query('')
      expect(warn.mock.calls.map(([, about]) => (about as { code?: string }).code)).toEqual(told)
    },
  )

  it.each([
    ['a server of another make is sent names of statements', '42704', undefined, 2],
    ['a pooler is sent none', '08P01', undefined, 0],
    ["a pooler is sent them by who says `target: 'direct'`", '08P01', 'direct', 2],
  ] as const)('%s', async (_, code, target, expected) => {
    refusal = code
    await using pool = openPool({ max: 1, prepare: 0, target })
    await pool.query('SELECT $1', ['a'])
    await pool.query({ name: 'by key', text: 'SELECT $1', values: ['a'] })
    expect(named).toBe(expected)
    expect(startups).toEqual(['marked', 'plain'])
    if (expected > 0) expect(warn).not.toHaveBeenCalled()
  })

  it('is asked for again where it was not what was refused', async () => {
    refusal = ''
    // Once with it, and once without.
    refusals = 2
    await using pool = openPool({ max: 1, connectionTimeoutMillis: 5000 })
    await pool.query('')
    expect(startups).toEqual(['marked', 'plain', 'marked'])
    expect(warn).not.toHaveBeenCalled()
  })
})

describe('a question behind the sign-in that is never answered', () => {
  it.each([
    ['what limits the session', /set_config/, {}],
    ['whether the server takes writes', /pg_is_in_recovery/, { target_session_attrs: 'primary' }],
  ] as const)('costs no caller more than its time, and no slot: %s', async (_, question, options) => {
    refusal = ''
    unanswered = question
    const pool = openPool({ max: 1, connectionTimeoutMillis: 300, ...options })
    await expect(pool.query('')).rejects.toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', phase: 'dial' })
    await pool.end()
    expect(pool.stats()).toMatchObject({ total: 0, waiting: 0 })
  })
})

function openPool(options: PoolOptions = {}): Pool {
  const own = { host: '127.0.0.1', port: port(), user: 'me', password: 'x', ssl: false, leaseMillis: 5000, max: 4 }
  return new Pool({ ...own, ...options })
}
