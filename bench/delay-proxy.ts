import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'

/** Something between a client and a server that passes everything on, later. */
export interface DelayProxy {
  readonly port: number
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Passes on what it reads, in order, `delayMillis` after it was read. Each piece has a due time of its own, so that any number of them
 * is under way at once: this adds distance and takes no bandwidth.
 */
export async function startDelayProxy(
  target: { host: string; port: number },
  delayMillis: number,
): Promise<DelayProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = dial(target)
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    passOn(client, upstream, delayMillis)
    passOn(upstream, client, delayMillis)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('bug: a TCP server without a port')
  return {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function passOn(from: Socket, to: Socket, delayMillis: number): void {
  const line = new DelayLine(delayMillis)
  from.on('data', (piece) => {
    line.after(() => {
      if (to.writable) to.write(piece)
    })
  })
  from.on('end', () => line.after(() => to.end()))
  // What is broken on one side is broken on the other; `close` follows.
  from.on('error', () => {})
  from.on('close', () => line.after(() => to.destroy()))
}

/** How much earlier than it is due a piece is watched: a timer may be late by as much. */
const watchMillis = 2

/** Does things in order, each a fixed time after it was asked for, to within a fraction of a millisecond. */
class DelayLine {
  readonly #delayMillis: number
  readonly #underWay: { readonly due: number; readonly arrive: () => void }[] = []
  #watching = false

  constructor(delayMillis: number) {
    this.#delayMillis = delayMillis
  }

  after(arrive: () => void): void {
    this.#underWay.push({ due: performance.now() + this.#delayMillis, arrive })
    if (!this.#watching) this.#watch()
  }

  #watch(): void {
    const now = performance.now()
    while (this.#underWay[0] !== undefined && this.#underWay[0].due <= now) this.#underWay.shift()?.arrive()
    const next = this.#underWay[0]
    this.#watching = next !== undefined
    if (next === undefined) return
    const millis = next.due - now - watchMillis
    // Timers count whole milliseconds and are late; the last bit is spent turning the event loop.
    if (millis >= 1) setTimeout(() => this.#watch(), Math.floor(millis))
    else setImmediate(() => this.#watch())
  }
}
