import type { Instant } from '../../pool/clock.js'
import type { Condition, Connector, DialContext, DialFailure } from '../../pool/connector.js'
import { codeOf } from '../../pool/errors.js'
import type { Reset } from '../options/options.js'
import { coverPassword } from '../options/secrets.js'
import { sendTo, verifyHost } from './address.js'
import { type Cancellation, cancelOnServer } from './cancel.js'
import type { CredentialSource } from './credential-source.js'
import type { Credentials } from './credentials.js'
import { CredentialsError } from './credentials-error.js'
import { addLease, type LeaseTerms } from './lease.js'
import { onLoss } from './loss.js'
import { isBusy, isSettling, isUsable, type PgClient } from './pg-client.js'
import type { Profile } from './profile.js'
import { signInWith } from './sign-in.js'
import { heardNow, lastSignOf } from './sign-of-life.js'
import { classifyDialFailure, SQLSTATE } from './sqlstate.js'
import { SyncPing } from './sync-ping.js'
import type { VerifiedTls } from './tls.js'

/** How connections are made and treated. */
export interface PgConnectorOptions {
  readonly newClient: () => PgClient
  /** Runs on each new connection before its first loan. */
  readonly onConnect: ((client: PgClient) => unknown) | undefined
  readonly verify: ((client: PgClient, done: (error?: Error) => void) => void) | undefined
  readonly reset: Reset
  /** `Infinity` for no lease. */
  readonly leaseMillis: number
  /** How long an invocation lasts at most, ms. */
  readonly invocationMillis: () => number
  readonly profile: Profile
  readonly credentials: CredentialSource | undefined
  /** Whether the pool's options name the host. */
  readonly hasAddress: boolean
  /** The database that they name, if they do. */
  readonly database: string | undefined
  /** For `ssl: 'verify-full'`. */
  readonly tls: VerifiedTls | undefined
}

/** Everything but prepared statements, which are what makes a session worth keeping. */
const CLEAN =
  'CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES'

/** What a connection to PostgreSQL is, for the pool: node-postgres's client, and the facts that can be read off it. */
export class PgConnector implements Connector<PgClient> {
  readonly #options: PgConnectorOptions
  /** Less once something of it was refused: by a server older than 14, or by a proxy. */
  #leaseTerms: LeaseTerms
  /** Only where they may change. */
  readonly #signedInWith = new WeakMap<PgClient, Credentials>()
  readonly #cancelling = new Map<PgClient, Cancellation>()

  constructor(options: PgConnectorOptions) {
    this.#options = options
    this.#leaseTerms = options.leaseMillis === Number.POSITIVE_INFINITY ? 'none' : 'whole'
  }

  /** Resolves when no query is being cancelled any more; `undefined` when none is. */
  get cancelled(): Promise<unknown> | undefined {
    if (this.#cancelling.size === 0) return undefined
    return Promise.all([...this.#cancelling.values()].map(({ done }) => done))
  }

  classify(error: unknown): DialFailure {
    return error instanceof CredentialsError ? error.failure : classifyDialFailure(error)
  }

  dial(context: DialContext): Promise<PgClient> {
    const { credentials } = this.#options
    if (credentials === undefined) return this.#dial(context, undefined)
    return credentials.use(context.signal, (pending) => this.#dial(context, pending))
  }

  async #dial(context: DialContext, pending: Promise<Credentials> | undefined): Promise<PgClient> {
    const terms = this.#leaseTerms
    try {
      return await this.#dialOnce(context, terms, pending)
    } catch (error) {
      const less = termsAfter(terms, codeOf(error))
      if (less === undefined || context.signal.aborted) throw error
      // Dials that were refused together lead to the same terms.
      if (this.#leaseTerms === terms) this.#leaseTerms = less
      return this.#dial(context, pending)
    }
  }

  ping(client: PgClient): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve())
      // In a pipeline pg takes only queries of its own.
      if (client.connection === undefined || client.pipeline) client.query('', done)
      else client.query(new SyncPing(done))
    })
  }

  inspect(client: PgClient): Condition {
    const { credentials } = this.#options
    if (credentials !== undefined) {
      const used = this.#signedInWith.get(client)
      // Dialled with the old ones, and done after they had changed.
      if (used !== undefined && !credentials.isCurrent(used)) return 'unusable'
    }
    if (!isUsable(client) || isBusy(client)) return 'unusable'
    if (isSettling(client)) return 'dirty'
    const { reset } = this.#options
    if (reset === 'none') return 'clean'
    return reset === 'rollback' && client.getTransactionStatus() === 'I' ? 'clean' : 'dirty'
  }

  lastSign(client: PgClient, now: Instant): Instant | undefined {
    // A client of another make doesn't say when it hears something; that it came back is a sign as well.
    return client.connection === undefined ? now : lastSignOf(client, now)
  }

  async reset(client: PgClient): Promise<void> {
    if (isSettling(client)) await this.ping(client)
    const { reset } = this.#options
    if (reset === 'none') return
    if (client.getTransactionStatus() !== 'I') await client.query('ROLLBACK')
    if (reset === 'clean') await client.query(CLEAN)
    else if (typeof reset === 'function') await reset(client)
    if (isSettling(client) || isBusy(client) || client.getTransactionStatus() !== 'I') {
      throw new Error('the reset left the connection busy or in a transaction')
    }
    heardNow(client)
  }

  share(client: PgClient): void {
    setPipeline(client, true)
  }

  unshare(client: PgClient): void {
    setPipeline(client, false)
  }

  /** What still runs is cancelled on the server, which would else go on with it, and the connection dropped. */
  async close(client: PgClient): Promise<void> {
    const runsNothing = !isBusy(client) || client._activeQuery instanceof SyncPing
    if (runsNothing || client.connection === undefined) return client.end()
    if (!this.#options.profile.cancels) {
      // It would wait for the answers in a pipeline.
      const ended = client.end()
      this.destroy(client)
      return ended
    }
    const cancellation = cancelOnServer(client, this.#options.newClient)
    this.#cancelling.set(client, cancellation)
    try {
      await cancellation.done
    } finally {
      this.destroy(client)
    }
  }

  destroy(client: PgClient): void {
    this.#cancelling.get(client)?.abandon()
    this.#cancelling.delete(client)
    if (client.connection === undefined) void client.end()
    else client.connection.stream.destroy()
  }

  async #dialOnce(
    { signal, lost }: DialContext,
    terms: LeaseTerms,
    pending: Promise<Credentials> | undefined,
  ): Promise<PgClient> {
    const client = this.#options.newClient()
    let failed = false
    const report = (error: Error) => {
      if (!failed) lost(error)
    }
    // From here to its end the client has this listener, so that no failure of a connection can end the process.
    client.on('error', report)
    onLoss(client, report)
    client.once('end', () => report(new Error('the connection was closed')))
    const letGo = () => this.destroy(client)
    signal.addEventListener('abort', letGo, { once: true })
    try {
      const { leaseMillis, invocationMillis } = this.#options
      if (terms !== 'none') addLease(client, terms, leaseMillis, invocationMillis())
      const { hasAddress, database, tls } = this.#options
      // Where the address is known, fetching the credentials overlaps with connecting.
      if (pending !== undefined && !hasAddress) sendTo(client, await pending)
      signal.throwIfAborted()
      if (tls !== undefined) verifyHost(client, tls)
      if (pending !== undefined) signInWith(client, pending, database)
      await client.connect()
      coverPassword(client)
      if (pending !== undefined) this.#signedInWith.set(client, await pending)
      await this.#prepare(client)
      return client
    } catch (error) {
      failed = true
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

/** Allowed on a client that has nothing to do, says pg's documentation; its types call it read-only. */
function setPipeline(client: PgClient, pipeline: boolean): void {
  ;(client as { pipeline: boolean }).pipeline = pipeline
}

/** What is left to ask of a server that refused these terms; `undefined` when that was not what it refused. */
function termsAfter(terms: LeaseTerms, code: string | undefined): LeaseTerms | undefined {
  if (terms === 'none') return undefined
  if (code === SQLSTATE.PROTOCOL_VIOLATION) return 'none'
  if (code !== SQLSTATE.UNDEFINED_OBJECT) return undefined
  return terms === 'whole' ? 'transactions' : 'none'
}

/** The server hung up without a word: a fact about the socket, given the code that such a fact has. */
function closedWhileConnecting(cause: unknown): Error {
  const error = new Error('the server closed the connection while it was being opened', { cause })
  return Object.assign(error, { code: 'ECONNRESET' })
}
