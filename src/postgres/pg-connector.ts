import type { Clock, Instant } from '../pool/clock.js'
import type { Condition, Connector, DialContext } from '../pool/connector.js'
import { codeOf } from '../pool/errors.js'
import { withLease } from './lease.js'
import type { Reset } from './options.js'
import { isBusy, isSettling, isUsable, type PgClient } from './pg-client.js'
import { classifyDialFailure, SQLSTATE } from './sqlstate.js'
import { SyncPing } from './sync-ping.js'

/** How connections are made and treated. */
export interface PgConnectorOptions {
  readonly newClient: () => PgClient
  /** Runs on each new connection before its first loan. */
  readonly onConnect: ((client: PgClient) => unknown) | undefined
  readonly verify: ((client: PgClient, done: (error?: Error) => void) => void) | undefined
  readonly reset: Reset
  /** `Infinity` for no lease. */
  readonly leaseMillis: number
  readonly clock: Clock
}

/** Everything but prepared statements, which are what makes a session worth keeping. */
const CLEAN =
  'CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES'

/** What a connection to PostgreSQL is, for the pool: node-postgres's client, and the facts that can be read off it. */
export class PgConnector implements Connector<PgClient> {
  readonly #options: PgConnectorOptions
  /** When each client last heard ReadyForQuery: the server's idle timer runs from there. */
  readonly #lastReady = new WeakMap<PgClient, Instant>()
  /** Set once a server has refused the lease's parameter: it is older than 14. */
  #leaseIsRefused = false

  constructor(options: PgConnectorOptions) {
    this.#options = options
  }

  classify = classifyDialFailure

  async dial(context: DialContext): Promise<PgClient> {
    try {
      return await this.#dialOnce(context)
    } catch (error) {
      if (codeOf(error) !== SQLSTATE.UNDEFINED_OBJECT || this.#leaseIsRefused || context.signal.aborted) throw error
      this.#leaseIsRefused = true
      return this.#dialOnce(context)
    }
  }

  ping(client: PgClient): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: Error) => (error === undefined ? resolve() : reject(error))
      if (client.connection?.sync === undefined) client.query('', done)
      else client.query(new SyncPing(done))
    })
  }

  inspect(client: PgClient): Condition {
    if (!isUsable(client) || isBusy(client)) return 'unusable'
    if (isSettling(client)) return 'dirty'
    const { reset } = this.#options
    if (reset === 'none') return 'clean'
    return reset === 'rollback' && client.getTransactionStatus() === 'I' ? 'clean' : 'dirty'
  }

  lastSign(client: PgClient): Instant | undefined {
    return this.#lastReady.get(client)
  }

  async reset(client: PgClient): Promise<void> {
    if (isSettling(client)) await this.ping(client)
    const { reset } = this.#options
    if (reset === 'none') return
    if (client.getTransactionStatus() !== 'I') await client.query('ROLLBACK')
    if (reset === 'clean') await client.query(CLEAN)
    else if (typeof reset === 'function') await reset(client)
    if (this.inspect(client) === 'unusable') throw new Error('the connection was left unusable by its reset')
  }

  async close(client: PgClient): Promise<void> {
    await client.end()
  }

  destroy(client: PgClient): void {
    if (client.connection === undefined) void client.end()
    else client.connection.stream.destroy()
  }

  async #dialOnce({ signal, lost }: DialContext): Promise<PgClient> {
    const client = this.#options.newClient()
    // From here to its end the client has this listener, so that no failure of a connection can end the process.
    client.on('error', lost)
    client.once('end', () => lost(new Error('the connection was closed')))
    const letGo = () => this.destroy(client)
    signal.addEventListener('abort', letGo, { once: true })
    try {
      if (!this.#leaseIsRefused) withLease(client, this.#options.leaseMillis)
      client.connection?.on('readyForQuery', () => this.#lastReady.set(client, this.#options.clock.now()))
      await client.connect()
      await this.#prepare(client)
      return client
    } catch (error) {
      const endedByServer = client._ended === true && codeOf(error) === undefined
      letGo()
      throw endedByServer ? closedWhileConnecting(error) : error
    } finally {
      signal.removeEventListener('abort', letGo)
    }
  }

  async #prepare(client: PgClient): Promise<void> {
    const { onConnect, verify } = this.#options
    await onConnect?.(client)
    if (verify === undefined) return
    await new Promise<void>((resolve, reject) => {
      verify(client, (error) => (error ? reject(error) : resolve()))
    })
  }
}

/** The server hung up without a word: a fact about the socket, given the code that such a fact has. */
function closedWhileConnecting(cause: unknown): Error {
  const error = new Error('the server closed the connection while it was being opened', { cause })
  return Object.assign(error, { code: 'ECONNRESET' })
}
