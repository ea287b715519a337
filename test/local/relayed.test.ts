import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { leadThroughRelay } from '../../src/local/relayed'

const servers: Server[] = []
let [database, relay, other] = [0, 0, 0]
const stock = Socket.prototype.connect

async function listening(): Promise<number> {
  const server = createServer((socket) =>
    socket.on('error', () => {}).end(String((server.address() as AddressInfo).port)),
  ).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

beforeAll(async () => {
  ;[database, relay, other] = [await listening(), await listening(), await listening()]
  vi.stubEnv('PGHOST', '127.0.0.1')
  vi.stubEnv('PGPORT', String(relay))
  leadThroughRelay(`localhost:${database}`)
})
afterAll(() => {
  Socket.prototype.connect = stock
  vi.unstubAllEnvs()
  for (const server of servers) server.close()
})

/** The port of whoever answered. */
async function answererOf(socket: Socket): Promise<number> {
  const [said] = await once(socket, 'data')
  socket.destroy()
  return Number(said)
}

it('gives a function back what its configuration says', () => {
  expect([process.env.PGHOST, process.env.PGPORT]).toEqual(['localhost', String(database)])
})

it.each<[string, (port: number) => Socket]>([
  ['a port and a host', (port) => new Socket().connect(port, 'localhost')],
  ['a port and another name of this machine', (port) => new Socket().connect(port, '127.0.0.1')],
  ['a port alone', (port) => new Socket().connect(port)],
  ['options', (port) => new Socket().connect({ host: 'localhost', port })],
  ['net.connect with options', (port) => connect({ host: 'localhost', port })],
  ['net.connect with a port and a host', (port) => connect(port, 'localhost')],
])('leads what connects with %s to the relay, if it is for the database', async (_, open) => {
  expect(await answererOf(open(database))).toBe(relay)
  expect(await answererOf(open(other))).toBe(other)
})

it('tells whoever waits for the connection', async () => {
  const socket = new Socket()
  await new Promise<void>((resolve) => socket.connect(database, 'localhost', resolve))
  socket.destroy()
})
