import type { PgClient } from '../pg-client.js'

interface Source {
  on(event: string, listener: (chunk: unknown) => void): void
  destroy(error: unknown): void
}

const LISTENING = Symbol('pg-thaw.listening')

/** Whether others' code may run when something is heard, and whether it does just now. */
interface Listening {
  isToldApart: boolean
  isHearing: boolean
}

/** Of pg's connection. */
interface Reader {
  [LISTENING]?: Listening
  attachListeners?(source: Source): void
  emit(event: string, ...args: unknown[]): boolean
}

/** Events of a client for which programs listen. */
const OF_PROGRAMS = ['notification', 'notice'] as const

/**
 * pg reads what the server says inside of an event of the socket, and throws where it can't: a way to sign in that it does not know, a
 * row that is none. Nobody could catch that, and it would end the process. With this it ends the connection, as an error of the socket
 * does. What listeners and callbacks throw is none of this, and goes its way: see {@link tellListenersApart}.
 */
export function readSafely(client: PgClient): PgClient {
  const connection = client.connection as unknown as Reader | undefined
  const attach = connection?.attachListeners
  if (connection === undefined || attach === undefined) return client
  const listening = { isToldApart: false, isHearing: false }
  connection[LISTENING] = listening
  connection.attachListeners = (source) => {
    const read = (listener: (chunk: unknown) => void) => (chunk: unknown) => {
      try {
        listener(chunk)
      } catch (error) {
        const isOfListener = listening.isToldApart
          ? listening.isHearing
          : OF_PROGRAMS.some((event) => client.listenerCount(event) > 0)
        listening.isHearing = false
        if (isOfListener) throw error
        source.destroy(error)
      }
    }
    const on: Source['on'] = (event, listener) => source.on(event, event === 'data' ? read(listener) : listener)
    attach.call(connection, { on, destroy: source.destroy })
  }
  return client
}

/**
 * To be called when a client is lent: from then on callbacks of its borrower run when an answer is heard. Not before: it costs a call for
 * each message.
 */
export function tellListenersApart(client: PgClient): void {
  const connection = client.connection as unknown as Reader | undefined
  const listening = connection?.[LISTENING]
  if (connection === undefined || listening === undefined || listening.isToldApart) return
  listening.isToldApart = true
  const emit = connection.emit.bind(connection)
  connection.emit = (...args) => {
    const { isHearing } = listening
    listening.isHearing = true
    const isHeard = emit(...args)
    // One may be told from within another.
    listening.isHearing = isHearing
    return isHeard
  }
}
