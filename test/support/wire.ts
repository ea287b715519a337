import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A wire to the server that keeps a log of who spoke. */
export interface Wire {
  readonly host: string
  readonly port: number
  /**
   * What went over all its connections, in order: `>` and the first message's type for what the client sent, `<` for what the server
   * answered. What one side says without a word of the other in between is one entry, so that each `>` begins a round trip.
   */
  readonly log: string[]
  /** Empties the log. */
  clear(): void
  /** Resolves with the next word of the server, or after `withinMillis`. */
  answered(withinMillis: number): Promise<void>
  close(): Promise<void>
}

export async function startWire(target: { host: string; port: number }): Promise<Wire> {
  const log: string[] = []
  const sockets = new Set<Socket>()
  let heard: (() => void)[] = []

  const say = (who: '>' | '<', what: string) => {
    if (!log.at(-1)?.startsWith(who)) log.push(who + what)
  }
  const server = createServer({ noDelay: true }, (client) => {
    const database = connect({ host: target.host, port: target.port, noDelay: true })
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.on('data', (chunk) => {
      say('>', chunk.toString('latin1', 0, 1))
      database.write(chunk)
    })
    database.on('data', (chunk) => {
      say('<', '')
      client.write(chunk)
      for (const resolve of heard) resolve()
      heard = []
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    log,
    clear: () => {
      log.length = 0
    },
    answered: (withinMillis) =>
      new Promise((resolve) => {
        if (log.at(-1) === '<') return resolve()
        const patience = setTimeout(resolve, withinMillis)
        heard.push(() => {
          clearTimeout(patience)
          resolve()
        })
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
