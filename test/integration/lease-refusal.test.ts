import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Pool } from '../../src/index'

// No such proxy runs here: these few messages of the protocol are what they answer to a startup.

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
      startups.push(startup.includes('pg_thaw.session') ? 'marked' : 'plain')
      if (!startup.includes('pg_thaw.session')) socket.write(READY)
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

describe('the mark of a session that is to be limited', () => {
  it.each([
    ['42704', 'a server of another make'],
    ['08P01', 'a proxy'],
  ])(
    '%s: where %s refuses it, nothing is limited, by every connection of a burst, and that is remembered',
    async (code) => {
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
      expect(startups.filter((it) => it === 'marked').length).toBe(4)
      expect(startups.at(-1)).toBe('plain')
      expect(pool.stats().dialFailures).toBe(0)
    },
  )
})
