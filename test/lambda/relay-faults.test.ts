import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Relay, type RelayFault, startRelay } from 'pg-thaw/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LineServer, startLineServer } from './fixtures/line-server.js'

const slowMillis = 30

let server: LineServer
let relay: Relay
const clients: Socket[] = []

beforeEach(async () => {
  server = await startLineServer()
  relay = await startRelay({ host: '127.0.0.1', port: server.port, slowMillis })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await relay.close()
  await server.close()
})

function dial(): Socket {
  const client = connect({ host: relay.host, port: relay.port })
  clients.push(client)
  client.on('error', () => {})
  return client
}

/** What a client hears first, or `silence` after a time that no answer takes. */
async function hears(client: Socket): Promise<string> {
  return new Promise((resolve) => {
    client.once('data', (chunk) => resolve(String(chunk)))
    client.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    client.once('end', () => resolve('end'))
    setTimeout(() => resolve('silence'), 300)
  })
}

function asks(client: Socket): Promise<string> {
  const heard = hears(client)
  client.write('hello\n')
  return heard
}

const faults: { fault: RelayFault; atOnce: string; whenAsked: string; atServer: number }[] = [
  { fault: 'cut', atOnce: 'end', whenAsked: 'end', atServer: 0 },
  { fault: 'reset', atOnce: 'ECONNRESET', whenAsked: 'ECONNRESET', atServer: 0 },
  { fault: 'deaf', atOnce: 'silence', whenAsked: 'silence', atServer: 1 },
  { fault: 'half-open', atOnce: 'silence', whenAsked: 'ECONNRESET', atServer: 0 },
  { fault: 'slow', atOnce: 'silence', whenAsked: '> hello\n', atServer: 1 },
]

describe.each(faults)('the fault "$fault"', ({ fault, atOnce, whenAsked, atServer }) => {
  it('strikes what is open, and leaves what comes later alone', async () => {
    const client = dial()
    expect(await asks(client)).toBe('> hello\n')
    const heard = hears(client)
    relay.strike(fault)
    expect(await heard).toBe(atOnce)
    if (atOnce === 'silence') expect(await asks(client)).toBe(whenAsked)
    await expect.poll(() => relay.openServerSides).toBe(atServer)
    expect(await asks(dial())).toBe('> hello\n')
  })

  it('meets those who come, for as long as it lasts', async () => {
    relay.newcomersMeet = fault
    expect(await asks(dial())).toBe(whenAsked)
    relay.newcomersMeet = undefined
    expect(await asks(dial())).toBe('> hello\n')
  })
})

it('what is slow takes its time both ways, and loses nothing, the close included', async () => {
  const client = dial()
  await asks(client)
  relay.strike('slow')
  const began = performance.now()
  expect(await asks(client)).toBe('> hello\n')
  // A timer may be a millisecond early.
  expect(performance.now() - began).toBeGreaterThanOrEqual(2 * slowMillis - 2)
  client.end('last words\n')
  await once(client, 'close')
  expect(server.received[0]).toBe('hello\nhello\nlast words\n')
})
