import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { type FreezeModel, type Relay, startRelay } from 'pg-thaw/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LineServer, startLineServer } from './fixtures/line-server.js'

let server: LineServer
const relays: Relay[] = []
const clients: Socket[] = []

beforeEach(async () => {
  server = await startLineServer()
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await Promise.all(relays.splice(0).map((relay) => relay.close()))
  await server.close()
})

async function start(freezeModel: FreezeModel): Promise<Relay> {
  const relay = await startRelay({ host: '127.0.0.1', port: server.port, freezeModel })
  relays.push(relay)
  return relay
}

async function dial(relay: Relay): Promise<Socket> {
  const client = connect({ host: relay.host, port: relay.port, allowHalfOpen: true })
  clients.push(client)
  client.on('error', () => {})
  await once(client, 'connect')
  return client
}

/** Sends a line and waits for what comes back first: an answer, or the close. */
async function ask(client: Socket, line: string): Promise<string> {
  return new Promise((resolve) => {
    client.once('data', (chunk) => resolve(String(chunk)))
    client.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    client.once('end', () => resolve('end'))
    client.write(`${line}\n`)
  })
}

/** Nothing can be awaited that must not happen: a bounded time in which it would. */
async function silence(client: Socket, millis = 100): Promise<string> {
  const heard: string[] = []
  const listen = (chunk: Buffer) => heard.push(String(chunk))
  client.on('data', listen)
  await new Promise((resolve) => setTimeout(resolve, millis))
  client.off('data', listen)
  return heard.join('')
}

/** Waits until what the server has just written or closed has passed the relay. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn()
}

describe('a relay', () => {
  it('passes bytes both ways, and counts', async () => {
    const relay = await start('process')
    const first = await dial(relay)
    const second = await dial(relay)
    expect(await ask(first, 'one')).toBe('> one\n')
    expect(await ask(second, 'two')).toBe('> two\n')
    expect([relay.connects, relay.openServerSides]).toEqual([2, 2])
    first.end()
    await once(first, 'close')
    expect([relay.connects, relay.openServerSides]).toEqual([2, 1])
  })

  it('passes half-closes one by one', async () => {
    const relay = await start('process')
    const client = await dial(relay)
    client.end('last words\n')
    expect(await text(client)).toBe('> last words\n')
    const other = await dial(relay)
    const remote = await server.socket(1)
    const ended = once(other, 'end')
    other.resume()
    remote.end()
    await ended
    other.end('still talking\n')
    await once(remote, 'end')
    expect(server.received[1]).toBe('still talking\n')
  })

  it('passes a reset as a reset, both ways', async () => {
    const relay = await start('process')
    const client = await dial(relay)
    const remote = await server.socket(0)
    const seen = new Promise((resolve) => remote.once('close', resolve))
    client.resetAndDestroy()
    expect(await seen).toBe(true)
    const other = await dial(relay)
    const reset = new Promise((resolve) => other.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)))
    ;(await server.socket(1)).resetAndDestroy()
    expect(await reset).toBe('ECONNRESET')
  })

  it('passes every byte of a long transfer to a slow reader, without storing it', async () => {
    const bytes = randomBytes(24 * 1024 * 1024)
    const source = createServer((socket) => socket.end(bytes))
    source.listen(0, '127.0.0.1')
    await once(source, 'listening')
    const address = source.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const relay = await startRelay({ host: '127.0.0.1', port: address.port })
    relays.push(relay)
    const client = await dial(relay)
    client.pause()
    const before = process.memoryUsage().arrayBuffers
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
    const hash = createHash('sha256')
    for await (const chunk of client) hash.update(chunk)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'))
    client.end()
    source.close()
  })

  it('answers with a reset when the database refuses', async () => {
    const relay = await start('process')
    await server.close()
    const client = connect({ host: relay.host, port: relay.port })
    clients.push(client)
    const error = await new Promise((resolve) => client.once('error', resolve))
    expect(error).toMatchObject({ code: 'ECONNRESET' })
    server = await startLineServer()
  })

  it('leads new connections to another database from the moment on when it is told to, and leaves the open ones', async () => {
    const relay = await start('process')
    const early = await dial(relay)
    await ask(early, 'early')
    const other = await startLineServer()
    relay.redirect({ host: '127.0.0.1', port: other.port })
    const late = await dial(relay)
    expect([await ask(early, 'still here'), await ask(late, 'late')]).toEqual(['> still here\n', '> late\n'])
    expect([server.received, other.received]).toEqual([['early\nstill here\n'], ['late\n']])
    expect(() => relay.redirect({ host: '', port: 5432 })).toThrow('a `host` and a `port`')
    await other.close()
  })

  it('closes both sides of everything, more than once if need be', async () => {
    const relay = await start('process')
    const client = await dial(relay)
    const remote = await server.socket(0)
    const closed = [once(client, 'close'), once(remote, 'close')]
    client.resume()
    await Promise.all([relay.close(), relay.close()])
    client.end()
    await Promise.all(closed)
    expect(relay.openServerSides).toBe(0)
  })
})

describe('during a freeze', () => {
  it('of a process everything is forwarded', async () => {
    const relay = await start('process')
    const client = await dial(relay)
    await ask(client, 'hello')
    relay.freeze()
    const remote = await server.socket(0)
    remote.write('FATAL\n')
    const [chunk] = await once(client, 'data')
    expect(String(chunk)).toBe('FATAL\n')
    relay.thaw()
    expect(await ask(client, 'again')).toBe('> again\n')
  })

  it('of a machine nothing is lost when nothing was sent', async () => {
    const relay = await start('paused-machine')
    const client = await dial(relay)
    await ask(client, 'hello')
    relay.freeze()
    await settle()
    relay.thaw()
    expect(await ask(client, 'again')).toBe('> again\n')
  })

  it.each(['bytes', 'a close'])(
    'of a machine %s of the server are lost, and the next bytes are answered by a reset',
    async (what) => {
      const relay = await start('paused-machine')
      const client = await dial(relay)
      const healthy = await dial(relay)
      await ask(client, 'hello')
      await ask(healthy, 'hello')
      relay.freeze()
      const remote = await server.socket(0)
      if (what === 'bytes') remote.write('FATAL\n')
      else remote.end()
      await settle()
      relay.thaw()
      expect(await silence(client)).toBe('')
      expect(client.readableEnded).toBe(false)
      expect(await ask(client, 'again')).toBe('ECONNRESET')
      expect(await ask(healthy, 'again')).toBe('> again\n')
      await expect.poll(() => relay.openServerSides).toBe(1)
    },
  )

  it.each(['paused-machine', 'reset', 'forgotten-flow'] as const)(
    'in model %s what the client sent before still arrives',
    async (model) => {
      const relay = await start(model)
      const client = await dial(relay)
      await ask(client, 'hello')
      const remote = await server.socket(0)
      const ended = once(remote, 'end')
      client.end('goodbye\n')
      relay.freeze()
      await ended
      expect(server.received[0]).toBe('hello\ngoodbye\n')
      await expect.poll(() => relay.openServerSides).toBe(0)
    },
  )

  it('something may forget every flow, and answer with a reset that the server never hears of', async () => {
    const relay = await start('reset')
    const client = await dial(relay)
    await ask(client, 'hello')
    relay.freeze()
    relay.thaw()
    expect(await silence(client, 30)).toBe('')
    expect(await ask(client, 'again')).toBe('ECONNRESET')
    expect(relay.openServerSides).toBe(1)
    expect(await ask(await dial(relay), 'fresh')).toBe('> fresh\n')
    expect(server.received[0]).toBe('hello\n')
  })

  it('something may forget every flow, and never answer', async () => {
    const relay = await start('forgotten-flow')
    const client = await dial(relay)
    await ask(client, 'hello')
    relay.freeze()
    relay.thaw()
    client.write('again\n')
    expect(await silence(client)).toBe('')
    expect(client.destroyed).toBe(false)
    expect(server.received[0]).toBe('hello\n')
    const fresh = await dial(relay)
    expect(await ask(fresh, 'fresh')).toBe('> fresh\n')
    // The next freeze makes it forget that one too.
    relay.freeze()
    relay.thaw()
    fresh.write('again\n')
    expect(await silence(fresh, 50)).toBe('')
  })
})

describe('a client that vanishes', () => {
  it.each(['end', 'reset'])('leaves the server side open, whatever its sockets do (%s)', async (how) => {
    const relay = await start('paused-machine')
    const client = await dial(relay)
    await ask(client, 'hello')
    const remote = await server.socket(0)
    relay.vanish()
    if (how === 'end') client.end()
    else client.resetAndDestroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(remote.readableEnded).toBe(false)
    expect(remote.destroyed).toBe(false)
    expect(relay.openServerSides).toBe(1)
    await expect(dial(relay)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    // The server may hang up by itself.
    remote.end()
    await expect.poll(() => relay.openServerSides).toBe(0)
  })

  it('leaves sides behind that end with the relay', async () => {
    const relay = await start('process')
    const client = await dial(relay)
    await ask(client, 'hello')
    const remote = await server.socket(0)
    relay.vanish()
    client.destroy()
    await settle()
    const closed = once(remote, 'close')
    await relay.close()
    await closed
  })
})

it.each([undefined, {}, { host: '127.0.0.1' }, { host: '', port: 5432 }, { host: '127.0.0.1', port: '5432' }])(
  'a relay to %j is refused',
  async (options) => {
    await expect(startRelay(options as never)).rejects.toMatchObject({
      code: 'LAMBDA_OPTIONS',
      message: expect.stringContaining('a `host` and a `port`'),
    })
  },
)
