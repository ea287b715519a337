import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { credentialsFrom } from '../../src/credentials/index'
import { Pool, PoolOptionError, type PoolOptions, wrapHandler } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'

// No database that pauses runs here: in front of a real one stands what answers in its place while it resumes.

let database: TestDatabase
let pool: Pool | undefined
let resuming: Resuming | undefined

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())
afterEach(async () => {
  await pool?.end()
  await resuming?.close()
})

/** Refuses so many, then says nothing to the next for a while, and then leads everybody to the server. */
class Resuming {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #left: number
  #isSilent = true
  met = 0

  private constructor(refusals: number, silentMillis: number) {
    this.#left = refusals
    this.#server = createServer((socket) => {
      this.#add(socket)
      this.met += 1
      if (this.#left > 0) {
        this.#left -= 1
        socket.once('data', () => socket.end(refusal()))
      } else if (this.#isSilent) {
        setTimeout(() => this.#lead(socket), silentMillis)
        this.#isSilent = false
      } else this.#lead(socket)
    })
  }

  static async start(refusals: number, silentMillis = 0): Promise<Resuming> {
    const it = new Resuming(refusals, silentMillis)
    await new Promise<void>((resolve) => it.#server.listen(0, '127.0.0.1', resolve))
    return it
  }

  get config() {
    const { port } = this.#server.address() as { port: number }
    return { ...database.config, host: '127.0.0.1', port }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
  }

  #add(socket: Socket): void {
    this.#sockets.add(socket.on('error', () => {}))
  }

  #lead(socket: Socket): void {
    const { host, port } = database.config
    const onwards = connect(port, host)
    this.#add(onwards)
    socket.pipe(onwards).pipe(socket)
  }
}

function refusal(): Buffer {
  const body = Buffer.from('SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host\0\0')
  const head = Buffer.from('E\0\0\0\0')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

async function open(refusals: number, silentMillis: number, options: PoolOptions): Promise<Pool> {
  resuming = await Resuming.start(refusals, silentMillis)
  pool = new Pool({ ...resuming.config, max: 1, ...options })
  return pool
}

describe('a database that resumes from a pause', () => {
  it('is waited for, as long as `resumeMillis` says', async () => {
    const options = { resumeMillis: 20_000, connectionTimeoutMillis: 20_000 }
    const { rows } = await (await open(3, 1200, options)).query('SELECT 1 AS one')
    expect(rows).toEqual([{ one: 1 }])
    expect(pool?.stats()).toMatchObject({ dials: 4, dialFailures: 3, total: 1 })
  })

  it('is taken for one that refuses, without', async () => {
    const asked = (await open(1, 0, { connectionTimeoutMillis: 5000 })).query('')
    const error = await asked.catch((it) => it)
    expect(error).toMatchObject({ name: 'DialError', code: '28000', severity: 'FATAL', retry: 'never' })
    expect(error.message).toMatch(/^no pg_hba.conf entry for host \(.*`resumeMillis`/)
    expect(resuming?.met).toBe(1)
  })

  it('is taken for one that refuses when it has done so for longer; the next pause is another one', async () => {
    const options = { resumeMillis: 400, connectionTimeoutMillis: 15_000, idleTimeoutMillis: 10 }
    await expect((await open(1000, 0, options)).query('')).rejects.toMatchObject({ code: '28000', retry: 'never' })
    const { met } = resuming as Resuming
    expect(met).toBeGreaterThan(1)
    await expect(pool?.query('')).rejects.toMatchObject({ code: '28000' })
    expect(resuming?.met).toBeGreaterThan(met + 1)
  })

  it('says which limits do not fit each other, where a call is over before', async () => {
    const opened = await open(1000, 0, { resumeMillis: 8000, connectionTimeoutMillis: 10_000 })
    const handler = wrapHandler((_event: object, _context: object) => opened.query('SELECT 1'))
    const called = handler({}, { getRemainingTimeInMillis: () => 700 })
    await expect(called).rejects.toMatchObject({ code: '28000', retry: 'safe' })
    await expect(called).rejects.toThrow('`resumeMillis` is 8000, but a call is over after 700 ms')
  })

  it('has its credentials fetched once', async () => {
    let fetched = 0
    const { user, password } = database.config
    const credentials = credentialsFrom(() => {
      fetched += 1
      return { user, password }
    })
    await (await open(2, 0, { resumeMillis: 9000, connectionTimeoutMillis: 9000, credentials })).query('')
    expect(fetched).toBe(1)
  })

  it.each([
    [
      'with credentials, which are fetched anew then',
      (it: Resuming) => ({ ...it.config, credentials: credentialsFrom(() => it.config) }),
    ],
    ['with several hosts', (it: Resuming) => ({ ...it.config, host: '127.0.0.1,127.0.0.1' })],
  ])('refuses for good, too, when it has done so for longer: %s', async (_, optionsFor) => {
    resuming = await Resuming.start(1000)
    pool = new Pool({ max: 1, resumeMillis: 600, connectionTimeoutMillis: 9000, ...optionsFor(resuming) })
    await expect(pool.query('')).rejects.toMatchObject({ code: '28000', severity: 'FATAL', retry: 'never' })
  })

  it('is not waited for beyond `connectionTimeoutMillis`: that is refused', () => {
    const make = () => new Pool({ resumeMillis: 3000, connectionTimeoutMillis: 2000 })
    expect(make).toThrow(PoolOptionError)
    expect(make).toThrow('Expected `resumeMillis` to be at most `connectionTimeoutMillis` (2000), got 3000 (number)')
    const endless = () => new Pool({ resumeMillis: 3000, connectionTimeoutMillis: 0 })
    expect(endless).toThrow('Expected `resumeMillis` to be left out without `connectionTimeoutMillis`')
  })
})
