import { type PgClient, type SigningIn, STRAYS } from '../pg-client.js'
import { isOfSession } from '../session/fault.js'
import { SQLSTATE } from '../session/sqlstate.js'

/** What the sessions of a pool are limited to, ms; `Infinity` for no limit. */
export interface Limits {
  /** How long one may sit idle. */
  readonly leaseMillis: number
  /** How long an invocation can last. */
  readonly invocationMillis: number
  /** Whether what runs is limited to an invocation, too. */
  readonly limitsWork: boolean
}

/** The limits of a client, and whether it has to be told them again. */
interface Limited {
  readonly text: string
  /** Its borrower has reset them. */
  areLost: boolean
}

/** On a client whose session is limited. */
export const LIMITED: unique symbol = Symbol('pg-thaw.limited')

export type LimitedClient = PgClient & { [LIMITED]?: Limited }

/**
 * Known to a session that was started with it. A pooler in between refuses it, or keeps it for itself: then the session is somebody else's
 * the next moment, and no setting may stay in it.
 */
const MARK = 'pg_thaw.session'

/** How often the server looks whether the client of a running statement is still connected. */
const CHECK_INTERVAL = '2s'

/**
 * What is asked of the server, so that nothing stays there for long whose environment has vanished: an idle session, also in a
 * transaction (another timer, and never longer than an invocation can last); where work is limited, statements and transactions
 * (PostgreSQL 17), and a moment for those of a client that has closed its socket (14). What the server, the database, the role or the
 * user has limited further is left as it is, and so is what the server does not know. `undefined` where nothing is to be limited.
 */
export function limitsOf(
  { leaseMillis, invocationMillis, limitsWork }: Limits,
  isLeftAlone: (name: string) => boolean,
): string | undefined {
  const lasting = limitsWork ? invocationMillis : Infinity
  const values = [
    ['idle_session_timeout', leaseMillis],
    [
      'idle_in_transaction_session_timeout',
      leaseMillis < Infinity ? Math.min(leaseMillis, invocationMillis) : Infinity,
    ],
    ['statement_timeout', lasting],
    ['transaction_timeout', lasting],
  ]
    .filter(([name, millis]) => millis !== Infinity && !isLeftAlone(name as string))
    .map(([name, millis]) => `('${name}', '${Math.ceil(millis as number)}ms')`)
  if (lasting < Infinity) values.push(`('client_connection_check_interval', '${CHECK_INTERVAL}')`)
  if (values.length === 0) return undefined
  return `SELECT pg_catalog.current_setting('${MARK}', true) AS mark,
    (SELECT count(pg_catalog.set_config(name, value, false)) FROM (VALUES ${values.join(', ')}) AS t (name, value)
    WHERE pg_catalog.current_setting('${MARK}', true) <> ''
      AND pg_catalog.current_setting(name, true)::interval NOT BETWEEN '1us' AND value::interval)`
}

/**
 * How a connection begins: with the mark of a session of one's own; without, where that is refused; or without because a pooler stands in
 * between.
 */
export type Startup = 'marked' | 'plain' | 'pooled'

/** What a refusal of the mark says. */
export const REFUSED: Readonly<Record<string, Startup | undefined>> = {
  [SQLSTATE.PROTOCOL_VIOLATION]: 'pooled',
  [SQLSTATE.UNDEFINED_OBJECT]: 'plain',
}

/** Has a client that is not connected yet mark its session as its own. The user's options follow, so that they win. */
export function markSession(client: PgClient): void {
  const parameters = client.connectionParameters
  if (parameters !== undefined) parameters.options = `-c ${MARK}=1 ${parameters.options || ''}`
}

/**
 * Has a client that is not connected yet limit its session.
 *
 * The question leaves in one write with the last message of the sign-in: the server reads it once it has let the client in, so it
 * costs no round trip. Resolves when it has been answered: with false where the session turned out to be somebody else's.
 */
export function limit(client: PgClient, text: string): Promise<boolean> {
  const connection = client.connection as SigningIn
  const limited = { text, areLost: false }
  ;(client as LimitedClient)[LIMITED] = limited
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
  // A RESET of everything, in whatever it is hidden, goes back to what they were before.
  connection.on?.('commandComplete', ({ text }: { readonly text: string }) => {
    if (text === 'RESET' || text === 'DISCARD ALL') limited.areLost = true
  })
  const answered = new Promise<boolean>((resolve, reject) => {
    const nothing = () => {}
    let isOwn = true
    const query = {
      ...STRAYS,
      // Who was let in without a password is asked now.
      submit: () => void (hasLeft || connection.query(text)),
      handleRowDescription: nothing,
      handleDataRow({ fields }: { readonly fields: readonly unknown[] }) {
        isOwn = fields[0] !== null
      },
      handleCommandComplete: nothing,
      handleReadyForQuery: () => resolve(isOwn),
      // The server's last word is no answer, and the socket says so only a moment later.
      handleError: (error: Error & { code?: string }) =>
        isOfSession(error.code) || !error.code ? reject(error) : resolve(true),
    }
    // In the step in which pg hears that it is connected: the answer may follow in the same one.
    client.once('connect', () => void client._queryQueue?.push(query))
    client.once('end', () => resolve(true))
  })
  // Connecting may fail first, and nobody waits for it then.
  answered.catch(() => {})
  return answered
}

/** The same of one that is connected, with whose sign-in nothing could ride. What the server makes of it is no matter. */
export function limitNow(client: PgClient, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    client.query(text, (_: unknown, result?: { rows: { mark: string | null }[] }) =>
      resolve(result?.rows[0]?.mark !== null),
    )
  })
}

/** Has the server set again what its borrower has reset. */
export async function limitAgain(client: LimitedClient): Promise<void> {
  const limited = client[LIMITED]
  if (!limited?.areLost) return
  await client.query(limited.text)
  limited.areLost = false
}
