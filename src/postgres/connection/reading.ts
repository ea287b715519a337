import type { PgClient } from './pg-client.js'

interface Source {
  on(event: string, listener: (chunk: unknown) => void): void
  destroy(error: unknown): void
}

/** Of pg's connection. */
interface Reader {
  attachListeners?(source: Source): void
  emit(event: string, message: unknown): boolean
}

/**
 * pg reads what the server says inside of an event of the socket, and throws where it can't: a way to sign in that it does not know, a
 * row that is none. Nobody could catch that, and it would end the process. With this it ends the connection, as an error of the socket
 * does. What listeners throw is none of this, and goes its way.
 */
export function readSafely(client: PgClient): PgClient {
  const connection = client.connection as unknown as Reader | undefined
  const attach = connection?.attachListeners
  if (connection === undefined || attach === undefined) return client
  connection.attachListeners = (source) => {
    let isHeard = false
    const emit = (event: string, message: unknown) => {
      isHeard = true
      connection.emit(event, message)
      isHeard = false
    }
    const read = (listener: (chunk: unknown) => void) => (chunk: unknown) => {
      try {
        listener(chunk)
      } catch (error) {
        if (isHeard) {
          isHeard = false
          throw error
        }
        source.destroy(error)
      }
    }
    const on: Source['on'] = (event, listener) => source.on(event, event === 'data' ? read(listener) : listener)
    attach.call(Object.create(connection, { emit: { value: emit } }), { on, destroy: source.destroy })
  }
  return client
}
