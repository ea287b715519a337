import { isOfSession } from './fault.js'
import type { PgClient, SigningIn } from './pg-client.js'

const LIMITS = Symbol('pg-thaw.limits')

type Limited = PgClient & { [LIMITS]?: string }

/** How often the server looks whether the client of a running statement is still connected. */
const CHECK_INTERVAL = '2s'

/** What ends by itself at the server when its environment vanished, and may be limited. */
const TIMEOUTS = ['statement_timeout', 'transaction_timeout']

/**
 * Has a client that is not connected yet limit what may run on at the server without it: statements and transactions (PostgreSQL 17) to
 * as long as an invocation can last, and those of a client that has closed its socket to a moment (14). What the server, the database,
 * the role or the user has limited further is left as it is, and so is what the server does not know.
 *
 * The question leaves in one write with the last message of the sign-in: the server reads it once it has let the client in, so it
 * costs no round trip. Resolves when it has been answered, whatever the answer.
 */
export function limit(client: PgClient, millis: number, isLeftAlone: (name: string) => boolean): Promise<void> {
  const connection = client.connection as SigningIn
  const names = TIMEOUTS.filter((name) => !isLeftAlone(name))
  const values = names.map((name) => `('${name}', '${Math.ceil(millis)}ms')`)
  values.push(`('client_connection_check_interval', '${CHECK_INTERVAL}')`)
  const text = `SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ${values.join(', ')}) AS t (name, value)
    WHERE pg_catalog.current_setting(name, true)::interval NOT BETWEEN '1us' AND value::interval`
  let hasLeft = false
  for (const name of ['password', 'sendSCRAMClientFinalMessage'] as const) {
    const last = connection[name]
    connection[name] = (answer: string) => {
      connection.stream.cork()
      last.call(connection, answer)
      connection.query(text)
      connection.stream.uncork()
      hasLeft = true
    }
  }
  ;(client as Limited)[LIMITS] = text
  const limited = new Promise<void>((resolve, reject) => {
    const nothing = () => {}
    const query = {
      // Who was let in without a password is asked now.
      submit: () => void (hasLeft || connection.query(text)),
      handleRowDescription: nothing,
      handleDataRow: nothing,
      handleCommandComplete: nothing,
      handleReadyForQuery: resolve,
      // The server's last word is no answer, and the socket says so only a moment later.
      handleError: (error: Error & { code?: string }) =>
        isOfSession(error.code) || !error.code ? reject(error) : resolve(),
    }
    // In the step in which pg hears that it is connected: the answer may follow in the same one.
    client.once('connect', () => void client._queryQueue?.push(query))
    client.once('end', () => resolve())
  })
  // Connecting may fail first, and nobody waits for it then.
  limited.catch(() => {})
  return limited
}

/** Has the server set them again, after they were reset with everything else. */
export async function limitAgain(client: PgClient): Promise<void> {
  const text = (client as Limited)[LIMITS]
  if (text !== undefined) await client.query(text)
}
