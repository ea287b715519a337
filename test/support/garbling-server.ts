import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'

/** What becomes of one answer. */
export interface Garble {
  /** Which answer of a connection: 0 is that to the startup message. */
  readonly at: number
  /** What is said in its place, piece by piece, each in a turn of the event loop of its own. */
  readonly say: (answer: Buffer) => readonly Buffer[]
  /** What follows: nothing, and the connection goes on, says nothing more, or ends. */
  readonly ending: 'none' | 'silence' | 'cut' | 'reset'
}

/** A message of the server, with a length that may be a lie. */
export function message(type: string, body: Buffer | string = '', length = Buffer.byteLength(body) + 4): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 'latin1')
  head.writeUInt32BE(length >>> 0, 1)
  return Buffer.concat([head, Buffer.from(body)])
}

const int16 = (value: number) => Buffer.from([(value >> 8) & 255, value & 255])
const int32 = (value: number) => Buffer.from([24, 16, 8, 0].map((bits) => (value >>> bits) & 255))
const text = (value: string) => Buffer.from(`${value}\0`)

export const ready = message('Z', 'I')
/** One column of type text. */
export const rowDescription = message(
  'T',
  Buffer.concat([int16(1), text('n'), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)]),
)
export const dataRow = (value: string) =>
  message('D', Buffer.concat([int16(1), int32(value.length), Buffer.from(value)]))
export const commandComplete = message('C', text('SELECT 1'))
export const errorResponse = (code: string) =>
  message('E', Buffer.concat([text('SFATAL'), text(`C${code}`), text('Mof the far side'), Buffer.from([0])]))
export const authentication = (kind: number, body: Buffer | string = '') =>
  message('R', Buffer.concat([int32(kind), Buffer.from(body)]))

const WELCOME = Buffer.concat([
  authentication(0),
  message('S', Buffer.concat([text('server_version'), text('18.4')])),
  message('K', Buffer.concat([int32(7), int32(11)])),
  ready,
])

const SSL_REQUEST = 80_877_103
const CANCEL_REQUEST = 80_877_102

/**
 * Speaks as much of PostgreSQL's protocol as it takes to let a client in and to answer `SELECT 17` with 17, and garbles one answer of each
 * connection on demand.
 */
export class GarblingServer {
  readonly host = '127.0.0.1'
  /** Of connections from now on. */
  garble: Garble | undefined
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#admit(socket))
  }

  static async start(): Promise<GarblingServer> {
    const it = new GarblingServer()
    it.#server.listen(0, it.host)
    await once(it.#server, 'listening')
    return it
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #admit(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
    void this.#serve(socket, this.garble).catch(() => socket.destroy())
  }

  async #serve(socket: Socket, garble: Garble | undefined): Promise<void> {
    let answers = 0
    let isSilent = false
    const answer = async (bytes: Buffer) => {
      const isGarbled = answers === garble?.at
      answers += 1
      if (garble === undefined || !isGarbled) return void socket.write(bytes)
      for (const piece of garble.say(bytes)) {
        socket.write(piece)
        await turn()
        await turn()
      }
      if (garble.ending === 'cut') socket.end()
      else if (garble.ending === 'reset') socket.resetAndDestroy()
      isSilent = garble.ending === 'silence'
    }
    let asked = ''
    let due: Buffer[] = []
    for await (const { type, body } of messagesOf(socket)) {
      if (isSilent) continue
      if (type === 'startup') await answer(WELCOME)
      else if (type === 'ssl') socket.write('N')
      else if (type === 'cancel') socket.end(Buffer.concat(garble?.say(ready) ?? []))
      else if (type === 'X') socket.end()
      else if (type === 'P' || type === 'Q') asked = body.toString()
      if (type === 'P') due.push(message('1'))
      if (type === 'B') due.push(message('2'))
      if (type === 'D') due.push(rowDescription)
      if (type === 'C') due.push(message('3'))
      if (type === 'Q') due.push(rowDescription)
      if (type === 'E' || type === 'Q') due.push(dataRow(/SELECT (\d+)/.exec(asked)?.[1] ?? ''), commandComplete)
      if (type !== 'S' && type !== 'Q') continue
      const whole = Buffer.concat([...due, ready])
      due = []
      await answer(whole)
    }
  }
}

/** The client's messages; the first has no type. */
async function* messagesOf(socket: Socket): AsyncGenerator<{ type: string; body: Buffer }> {
  let rest = Buffer.alloc(0)
  let isIn = false
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const head = isIn ? 1 : 0
      if (rest.length < head + 4) break
      const length = rest.readUInt32BE(head)
      if (rest.length < head + length) break
      const body = rest.subarray(head + 4, head + length)
      const kind: string = isIn ? rest.toString('latin1', 0, 1) : startupKind(body)
      rest = rest.subarray(head + length)
      isIn ||= kind === 'startup'
      yield { type: kind, body }
    }
  }
}

function startupKind(body: Buffer): string {
  const code = body.readUInt32BE(0)
  if (code === CANCEL_REQUEST) return 'cancel'
  return code === SSL_REQUEST ? 'ssl' : 'startup'
}
