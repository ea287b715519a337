import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Pool } from '../../src/index'

// No server of this age, and no proxy, runs here: these few messages of the protocol are what they answer to a startup.

const READY = Buffer.concat([message('R', Buffer.from([0, 0, 0, 0])), message('Z', Buffer.from('I'))])

let server: Server
let refusal: string
let startups: string[]

beforeEach(async () => {
  startups = []
  server = createServer((socket) => {
    let started = false
    socket.on('error', () => {})
    socket.on('data', (data) => {
      if (started) {
        if (data[0] === 0x51)
          socket.write(Buffer.concat([message('C', Buffer.from('SELECT 0\0')), message('Z', Buffer.from('I'))]))
        return
      }
      started = true
      const startup = data.toString('latin1')
      startups.push(startup.includes('idle_session_timeout') ? 'with lease' : 'without')
      if (!startup.includes('idle_session_timeout')) socket.write(READY)
      else socket.end(message('E', Buffer.from(`SFATAL\0C${refusal}\0Mno such parameter\0\0`)))
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
    ['42704', 'a server before 14'],
    ['08P01', 'a proxy'],
  ])('%s: %s is met without one, by every connection of a burst, and it is remembered', async (code) => {
    refusal = code
    await using pool = new Pool({
      host: '127.0.0.1',
      port: port(),
      user: 'me',
      password: 'x',
      max: 4,
      leaseMillis: 5000,
      ssl: false,
    })
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect(), pool.connect()])
    expect(pool.stats()).toMatchObject({ lent: 4, dialFailures: 0 })
    for (const client of clients) client.release(true)
    await pool.query('')
    expect(startups.filter((it) => it === 'with lease').length).toBe(4)
    expect(startups.at(-1)).toBe('without')
    expect(pool.stats().dialFailures).toBe(0)
  })
})
