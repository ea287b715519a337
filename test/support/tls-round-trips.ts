import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'

/** A relay that counts how often one connection crosses the network. */
export interface RoundTripCounter {
  readonly host: '127.0.0.1'
  readonly port: number
  /** Round trips of the newest connection so far: from the client's first packet to the last that it was handed. */
  readonly roundTrips: number
  [Symbol.asyncDispose](): Promise<void>
}

/** One side of a connection: what it had seen of the other when it last spoke, in half round trips. */
interface Side {
  seen: number
}

/**
 * Starts the relay. Every piece is handed over after a pause, and counted by cause instead of by the clock: what a side sends takes one
 * half trip more than the latest that it had been handed by then. A slow machine can so make a piece look caused by one that it
 * was not waiting for, and the count too high; never too low. TCP's own round trip is included.
 */
export async function startRoundTripCounter(
  target: { host: string; port: number },
  pauseMillis = 5,
): Promise<RoundTripCounter> {
  const sockets = new Set<Socket>()
  let newest: Side = { seen: 0 }
  const server = createServer({ noDelay: true }, (socket) => {
    const upstream = dial({ ...target, noDelay: true })
    for (const it of [socket, upstream]) {
      sockets.add(it)
      it.once('close', () => sockets.delete(it))
      it.on('error', () => {})
    }
    const client: Side = { seen: 2 }
    newest = client
    const far: Side = { seen: 1 }
    pass(socket, client, upstream, far, pauseMillis)
    pass(upstream, far, socket, client, pauseMillis)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    get roundTrips() {
      return newest.seen / 2
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function pass(from: Socket, sender: Side, to: Socket, receiver: Side, pauseMillis: number): void {
  from.on('data', (piece) => {
    const arrival = sender.seen + 1
    setTimeout(() => {
      receiver.seen = Math.max(receiver.seen, arrival)
      if (to.writable) to.write(piece)
    }, pauseMillis)
  })
  from.on('close', () => setTimeout(() => to.destroy(), pauseMillis))
}
