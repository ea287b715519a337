import type { Instant } from '../../pool/clock.js'
import type { Condition, Connector, DialFailure, Opening } from '../../pool/connector.js'
import { codeOf, PoolError, textOf } from '../../pool/errors.js'
import type { Reset } from '../options/options.js'
import { coverPassword } from '../options/secrets.js'
import { type Cancellation, cancelOnServer } from './cancel.js'
import { type Creator, endQuietly, takeFrom } from './opening/creator.js'
import type { CredentialSource, CredentialsFailure, SignIn } from './opening/credentials.js'
import { leaveSessionAlone } from './opening/foreign-session.js'
import { HostOrder } from './opening/host-order.js'
import type { Host, TargetSessionAttrs } from './opening/hosts.js'
import {
  LIMITED,
  type LimitedClient,
  limit,
  limitAgain,
  limitNow,
  limitsOf,
  markSession,
  REFUSED,
  type Startup,
} from './opening/limits.js'
import type { Profile } from './opening/profile.js'
import { Resume, resumeHint } from './opening/resume.js'
import { type VerifiedTls, verifyHost } from './opening/tls.js'
import { askQuietly, isBusy, isSettling, isUsable, type PgClient } from './pg-client.js'
import { FAULTY, type Watched, watchFaults } from './session/fault.js'
import { lastAnswerOf, noteAnswer } from './session/last-answer.js'
import { leaseOf, noteLease, trustedMillis } from './session/lease.js'
import { noteLoss, onLoss } from './session/loss.js'
import { noteReports, whyUnfit } from './session/server-state.js'
import { classifyDialFailure, SQLSTATE } from './session/sqlstate.js'
import { prepareOn } from './statements/pooled-query.js'
import type { Preparing } from './statements/statements.js'
import { SyncPing } from './statements/sync-ping.js'

/** How connections are made and treated. */
export interface PgConnectorOptions {
  /** For one of the hosts; without a word, for any. */
  readonly newClient: (at?: number) => PgClient
  readonly hosts: readonly Host[]
  readonly targetSessionAttrs: TargetSessionAttrs
  /** How long a database may take to resume from a pause, ms; 0 where it has none. */
  readonly resumeMillis: number
  /** Opens them in its place. */
  readonly creator?: Creator | undefined
  /** Runs on each new connection before its first loan. */
  readonly onConnect: ((client: PgClient) => unknown) | undefined
  readonly verify: ((client: PgClient, done: (error?: Error) => void) => void) | undefined
  readonly reset: Reset
  /** Of a connection that is opened now, and whose server is asked for it or not; `Infinity` for no lease. */
  readonly leaseMillis: (isAsked: boolean) => number
  /** How long an invocation lasts at most, ms. */
  readonly invocationMillis: () => number
  /** Whether what runs at the server is limited to that. */
  readonly limitsWork: boolean
  /** Whether a setting of the session is the user's own. */
  readonly isLeftAlone: (name: string) => boolean
  readonly profile: Profile
  /** Called with each new connection to what was taken for a server and turned out to be a pooler. */
  readonly pooled: ((client: PgClient) => void) | undefined
  readonly credentials: CredentialSource | undefined
  /** Called when a server no longer takes writes. */
  readonly demoted: () => void
  /** How statements are prepared; only on clients of pg's own. */
  readonly preparing: Preparing | undefined
  /** For `ssl: 'verify-full'`. */
  readonly tls: VerifiedTls | undefined
  /** Whether a connection string was to name the host, and is `undefined`. */
  readonly isUnsaid: boolean
}

/** Everything but prepared statements, which are what makes a session worth keeping. */
const CLEAN =
  'CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES'

/** What a connection to PostgreSQL is, for the pool: node-postgres's client, and the facts that can be read off it. */
export class PgConnector implements Connector<PgClient> {
  /** How long it last took to open a connection, ms; at least 1. */
  connectMillis = 1
  readonly #options: PgConnectorOptions
  /** How connections begin here, as far as it is known. */
  #startup: Startup = 'marked'
  readonly #cancelling = new Map<PgClient, Cancellation>()
  readonly #hosts: HostOrder<PgClient>
  readonly #wishes: readonly TargetSessionAttrs[]
  readonly #resume: Resume

  constructor(options: PgConnectorOptions) {
    const { hosts, targetSessionAttrs, resumeMillis } = options
    this.#options = options
    const names = hosts.map(({ name }) => name)
    this.#hosts = new HostOrder(names, (late) => this.destroy(late))
    this.#wishes = targetSessionAttrs === 'prefer-standby' ? ['standby', 'any'] : [targetSessionAttrs]
    this.#resume = new Resume(resumeMillis)
  }

  /** Resolves when no query is being cancelled any more; `undefined` when none is. */
  get cancelled(): Promise<unknown> | undefined {
    const all = [...this.#cancelling.values()]
    return all.length > 0 ? Promise.all(all.map(({ done }) => done)) : undefined
  }

  classify(error: unknown): DialFailure {
    const { name, failure } = Object(error) as CredentialsFailure
    if (name === 'CredentialsError') return failure
    return this.#resume.isUnderWay(error) ? 'transient' : classifyDialFailure(error)
  }

  dial(opening: Opening): Promise<PgClient> {
    const { credentials, creator, hosts } = this.#options
    if (creator !== undefined) return this.#take(opening, creator)
    if (credentials === undefined) return this.#dialFirst(opening)
    return credentials.use(opening, async (signIn, pending) => {
      // Else the first host would be given up for the time that they take.
      if (hosts.length > 1) await pending
      return this.#dialFirst(opening, signIn)
    })
  }

  #dialFirst(opening: Opening, signIn?: SignIn): Promise<PgClient> {
    // As in libpq: what a server refuses for good, it would refuse elsewhere.
    const isFinal = (error: unknown) => {
      const { name, severity } = Object(error) as Partial<CredentialsFailure & { severity: string }>
      return name === 'CredentialsError' || (severity !== undefined && this.classify(error) === 'permanent')
    }
    return this.#hosts.first(opening, this.#wishes, (at, wish, own) => this.#dial(own, at, wish, signIn), isFinal)
  }

  ping(client: PgClient): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve())
      // In a pipeline pg takes only queries of its own.
      if (client.connection === undefined || client.pipeline) client.query('', done)
      else if (isUsable(client)) askQuietly(client, new SyncPing(done))
      else done(new Error('the connection is closed'))
    })
  }

  inspect(client: PgClient): Condition {
    const { reset, credentials } = this.#options
    // As in `isUsable`, `isBusy` and `isFaulty`, but without a call: it runs at every return.
    const isLost = client._queryable === false || client._ending || client._ended
    if (isLost || client._activeQuery || client._queryQueue?.length || client._sentQueryQueue?.length) return 'unusable'
    // Dialled with old credentials, and done after they had changed.
    if (credentials?.isCurrent(client) === false) return 'unusable'
    if ((client as Watched)[FAULTY]) return 'faulty'
    if (client.readyForQuery === false || (client as LimitedClient)[LIMITED]?.areLost) return 'dirty'
    if (reset === 'none') return 'clean'
    // A client of another make may not say; nor below.
    return reset === 'rollback' && client.getTransactionStatus?.() === 'I' ? 'clean' : 'dirty'
  }

  lastAnswer(client: PgClient, now: Instant): Instant | undefined {
    // A client of another make doesn't say when it hears something; that it came back is taken for an answer.
    return client.connection === undefined ? now : lastAnswerOf(client)
  }

  leaseMillis(client: PgClient): number {
    return Math.min(trustedMillis(leaseOf(client)), this.#options.profile.trustedMillis)
  }

  async reset(client: PgClient): Promise<void> {
    if (isSettling(client)) await this.ping(client)
    const { reset } = this.#options
    const isOpen = reset !== 'none' && client.getTransactionStatus?.() !== 'I'
    if (isOpen) await client.query('ROLLBACK')
    if (reset === 'clean') await client.query(CLEAN)
    if (typeof reset === 'function') await reset(client)
    await limitAgain(client)
    if (reset === 'none') return
    if (isSettling(client) || isBusy(client) || (client.getTransactionStatus?.() ?? 'I') !== 'I') {
      throw new Error('the reset left the connection busy or in a transaction')
    }
    noteAnswer(client)
  }

  /** What still runs is cancelled on the server, which would else go on with it, and the connection dropped. */
  async close(client: PgClient): Promise<void> {
    // What its borrower ended is left to end as pg ends it: what it was asked before may take effect on the server.
    const runsNothing = !isBusy(client) || client._activeQuery instanceof SyncPing || client._ending
    if (runsNothing || client.connection === undefined) return client.end()
    if (!this.#options.profile.cancels) {
      // It would wait for the answers in a pipeline.
      const ended = client.end()
      this.destroy(client)
      return ended
    }
    const cancellation = cancelOnServer(client, this.#options.newClient)
    this.#cancelling.set(client, cancellation)
    await cancellation.done
    this.destroy(client)
  }

  destroy(client: PgClient): void {
    this.#cancelling.get(client)?.abandon()
    this.#cancelling.delete(client)
    if (client.connection === undefined) void client.end()
    else client.connection.stream.destroy()
  }

  /**
   * Where what marks a session is refused, it is asked again for one without. Whose refusal it was is known once the client is let in so: a
   * pooler that is full refuses with the same code as one that takes no startup options.
   */
  async #dial(opening: Opening, at: number, wish: TargetSessionAttrs, signIn?: SignIn): Promise<PgClient> {
    const { newClient, preparing, tls, pooled, profile } = this.#options
    const { onAbandon } = opening
    let isAbandoned = false
    let startup = this.#startup
    for (;;) {
      const leaseMillis = this.#options.leaseMillis(startup === 'marked')
      const limits = startup === 'marked' ? this.#limits(leaseMillis) : undefined
      const began = performance.now()
      const client = newClient(at)
      noteLease(client, leaseMillis)
      let isIn = false
      const attended = attend(client, opening)
      opening.onAbandon = () => {
        isAbandoned = true
        onAbandon?.()
        this.destroy(client)
      }
      try {
        if (limits !== undefined) markSession(client)
        noteReports(client)
        await signIn?.(client)
        if (isAbandoned) throw new Error('the dial was given up')
        if (tls !== undefined) verifyHost(client, tls)
        const rides = client.connection !== undefined && !client.pipeline
        const limited = limits !== undefined && rides ? limit(client, limits) : undefined
        await connected(client)
        const isOwn = (await (rides ? limited : limits && limitNow(client, limits))) ?? true
        isIn = true
        if (!isOwn) startup = 'pooled'
        this.#startup = startup
        const why = await whyUnfit(client, wish, startup !== 'pooled' && profile.ownsSession)
        if (why !== undefined) throw wrongServer(client, why, wish)
        this.#resume.isOver()
        attended.connected(this.#options.demoted)
        if (startup === 'pooled' && pooled !== undefined) pooled(client)
        else if (preparing !== undefined) prepareOn(client, preparing)
        await this.#prepare(client)
        attended.opened()
        this.connectMillis = Math.max(1, performance.now() - began)
        return client
      } catch (error) {
        const reason = this.#reason(client, error)
        this.destroy(client)
        const refused = isIn || limits === undefined ? undefined : REFUSED[codeOf(error) ?? '']
        if (refused === undefined || isAbandoned) throw reason
        startup = refused
      }
    }
  }

  #limits(leaseMillis: number): string | undefined {
    const { invocationMillis, limitsWork, isLeftAlone } = this.#options
    return limitsOf({ leaseMillis, invocationMillis: invocationMillis(), limitsWork }, isLeftAlone)
  }

  /** Takes a client that comes connected: by then nothing can be asked of the server at its startup any more. */
  async #take(opening: Opening, creator: Creator): Promise<PgClient> {
    const { onAbandon } = opening
    let isAbandoned = false
    let abandon = () => {}
    opening.onAbandon = () => {
      isAbandoned = true
      onAbandon?.()
      abandon()
    }
    const began = performance.now()
    const client = await takeFrom(creator)
    if (isAbandoned) {
      endQuietly(client)
      throw new Error('the dial was given up')
    }
    abandon = () => this.destroy(client)
    noteLease(client, this.#options.leaseMillis(false))
    const attended = attend(client, opening)
    try {
      if (!this.#options.profile.ownsSession) leaveSessionAlone(client, true)
      attended.connected(this.#options.demoted)
      await this.#prepare(client)
      attended.opened()
      this.connectMillis = Math.max(1, performance.now() - began)
      return client
    } catch (error) {
      this.destroy(client)
      throw error
    }
  }

  /** Facts that pg's error does not say. */
  #reason(client: PgClient, error: unknown): unknown {
    const code = codeOf(error)
    const explained = (text: string, code?: string) => Object.assign(new Error(text, { cause: error }), { code })
    if (this.#options.isUnsaid) {
      const unsaid = `no host was given (\`connectionString\` is undefined), so ${client.host} was tried`
      return explained(`${unsaid}: ${textOf(error)}`, code)
    }
    if (code === SQLSTATE.INVALID_AUTHORIZATION) {
      const { resumeMillis, invocationMillis } = this.#options
      const text = `${textOf(error)} (${resumeHint(resumeMillis, invocationMillis())})`
      return Object.assign(explained(text), error)
    }
    // The server hung up without a word: a fact about the socket, given the code that such a fact has.
    const hungUp = client._ended === true && code === undefined
    return hungUp ? explained('the server closed the connection while it was being opened', 'ECONNRESET') : error
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

/**
 * Listens to a client that is being opened. The pool is told of its loss once it is open: before that the dial fails by it, which is known
 * only a moment after the loss, and may succeed with another client.
 */
function attend(client: PgClient, opening: Opening) {
  let isOpen = false
  let lostWith: Error | undefined
  const report = (error: Error) => {
    noteLoss(client, error)
    lostWith ??= error
    if (isOpen) opening.lost(error)
  }
  // From here to its end the client has this listener, so that no failure of a connection can end the process.
  client.on('error', report)
  client.on('end', () => report(new Error('the connection was closed')))
  onLoss(client, report)
  return {
    connected(demoted: () => void) {
      coverPassword(client)
      // pg waits for the socket to be closed, a turn of the event loop later.
      client.connection?.stream.once?.('end', () => report(new Error('the server closed the connection')))
      watchFaults(client, demoted)
    },
    opened() {
      isOpen = true
      // Unnoticed by a hook, for instance.
      if (lostWith !== undefined) opening.lost(lostWith)
    },
  }
}

/** By callback, as pg-pool does it: a client of another make may know no promises, or nothing else. */
function connected(client: PgClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve())
    const promise: unknown = client.connect(done)
    if (promise instanceof Promise) promise.then(() => resolve(), reject)
  })
}

function wrongServer({ host, port }: PgClient, why: string, wish: TargetSessionAttrs): PoolError {
  const text = `the server at ${host}:${port} ${why}, and \`target_session_attrs\` is '${wish}'`
  return new PoolError('POOL_WRONG_SERVER', text)
}
