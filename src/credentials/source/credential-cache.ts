import { elapsedMillis, type Instant } from '../../pool/clock.js'
import type { Credentials } from '../../postgres/connection/opening/credentials.js'
import { areSameCredentials, leadToSameSession } from './check.js'
import { CredentialFlight, type FlightTerms, type Landing } from './credential-flight.js'
import { providerTooSlow, refusedLately } from './credentials-error.js'
import { isRefusal, RefusalPause } from './refusal.js'

export interface CredentialCacheOptions extends FlightTerms {
  /** How long credentials are taken for new, ms, from the moment at which they were asked for. */
  readonly ttlMillis: number
  readonly random: () => number
  /** Called when the user or the address have changed. */
  readonly moved?: (() => void) | undefined
}

/** From this part of their time on, credentials are fetched anew behind the back of those who use them. */
const AHEAD = 0.8
/** A pause after a fetch that failed while older ones were there, ms; the lower half of it is jitter. */
const FAILURE_PAUSE_MILLIS = 5000
/** How long one who has old ones waits for new ones, ms. */
const PATIENCE_MILLIS = 1000
/** A fetch that has not ended for so long never will: the process was frozen under it, or the provider hangs. */
const HUNG_MILLIS = 10_000
/** Credentials that expire are given up this much earlier, as a part of their time: a dial takes time too. */
const MARGIN = 0.1
const LONGEST_MARGIN_MILLIS = 5000
/** How often one dial is repeated with yet other credentials: each is an attempt that the server counts. */
const MOST_REPETITIONS = 3

interface Kept {
  readonly credentials: Credentials
  /** When they were asked for: how old they may be is counted from here. */
  readonly asked: Instant
  readonly received: Instant
  /** How long after `received` they may be used, ms. */
  readonly lifeMillis: number
}

/**
 * The credentials of one pool: fetched once for all who dial at the same time, kept for a while, and fetched anew before that is over
 * or when the server refuses them.
 *
 * There is no timer behind this. Age is judged whenever credentials are used, on two clocks, so that a freeze counts: what has
 * expired in it is never used after it.
 */
export class CredentialCache {
  readonly #options: CredentialCacheOptions
  readonly #refusal: RefusalPause
  #kept: Kept | undefined
  /** The last that were fetched, whether they may still be used or not. */
  #latest: Credentials | undefined
  /** The last that the server refused, until others were fetched. */
  #refused: Credentials | undefined
  #flight: CredentialFlight | undefined
  #failurePause: { readonly since: Instant; readonly millis: number } | undefined

  constructor(options: CredentialCacheOptions) {
    this.#options = options
    this.#refusal = new RefusalPause(options.clock, options.random)
  }

  /**
   * Runs `dial` with credentials. Where the server refuses them (28P01, 28000), they are fetched past every cache and `dial` runs once
   * more, unless they are still the same. It is given a promise, so that it can open the connection meanwhile; it must reject
   * when that does.
   *
   * What was fetched may be refused too, by a server that is a step of a rotation further, or since a cache was older still: then again,
   * as long as there are yet others.
   *
   * @throws {CredentialsError} when there are none. Whatever `dial` throws.
   */
  async use<T>(signal: AbortSignal, dial: (credentials: Promise<Credentials>) => Promise<T>): Promise<T> {
    const refused: Credentials[] = []
    let credentials = this.get(signal)
    // A dial that fails before it needs them never looks at this.
    credentials.catch(() => {})
    for (;;) {
      try {
        const connected = await dial(credentials)
        this.#refusal.accepted()
        return connected
      } catch (error) {
        // One that may pass says nothing of who signs in.
        const isFinal = isRefusal(error) && this.#options.classify(error) === 'permanent'
        if (!isFinal || signal.aborted) throw error
        refused.push(await credentials)
        const renewed = await this.#renewAfter(refused, error, signal)
        if (renewed === undefined) throw error
        credentials = Promise.resolve(renewed)
      }
    }
  }

  /**
   * Credentials for one dial: those that are kept, or new ones.
   *
   * @throws {CredentialsError} when there are none, or when the server has just refused them for good.
   */
  async get(signal: AbortSignal): Promise<Credentials> {
    if (signal.aborted) throw providerTooSlow()
    if (this.#refusal.isNeeded) return this.#probe(signal)
    const kept = this.#usable()
    if (kept === undefined || this.#isRefused(kept.credentials)) return this.#fetch(this.#refused !== undefined, signal)
    if (this.#age(kept) < this.#ttl(kept) || this.#isPaused()) {
      this.refreshAhead()
      return kept.credentials
    }
    // Too old to be used unasked. But old ones are better than none, and the server says if they are wrong.
    const landing = await this.#start(false).landing(signal, PATIENCE_MILLIS)
    if (landing.how === 'landed') return landing.credentials
    if (landing.how === 'late') this.#pause()
    return this.get(signal)
  }

  /**
   * Credentials after the server has refused `refused`, fetched past every cache once, however many dials it refused. Nothing if they
   * have not changed: then dialling again would only be refused again.
   *
   * @throws {CredentialsError} when they can't be fetched.
   */
  async renew(refused: Credentials, error: unknown, signal: AbortSignal): Promise<Credentials | undefined> {
    const kept = this.#usable()
    if (kept !== undefined && !areSameCredentials(kept.credentials, refused)) return kept.credentials
    if (!this.#refusal.isOver) {
      this.#refusal.refused(error)
      return undefined
    }
    this.#refused = refused
    const renewed = await this.#fetch(true, signal)
    if (!areSameCredentials(renewed, refused)) return renewed
    this.#refusal.refused(error)
    return undefined
  }

  /** Whether a connection that was dialled with these would be dialled so now. */
  isCurrent(credentials: Credentials): boolean {
    return this.#latest === undefined || leadToSameSession(this.#latest, credentials)
  }

  /** Fetches new ones in the background if the time of those that are kept is nearly over. Cheap, for any moment of use. */
  refreshAhead(): void {
    const kept = this.#usable()
    if (kept === undefined || this.#age(kept) < this.#ttl(kept) * AHEAD) return
    if (!this.#isPaused() && !this.#refusal.isNeeded) this.#start(false)
  }

  /** Lets go of a fetch that is under way, so that it can't keep the process alive. */
  end(): void {
    this.#flight?.abandon()
  }

  /** Others than all that were refused in one dial, as long as there is sense in another attempt. */
  async #renewAfter(
    refused: readonly Credentials[],
    error: unknown,
    signal: AbortSignal,
  ): Promise<Credentials | undefined> {
    const last = refused.at(-1)
    // What is made for each dial is no better the third time.
    const isOver = refused.length > 1 && (refused.length > MOST_REPETITIONS || this.#kept === undefined)
    const renewed = last === undefined || isOver ? undefined : await this.renew(last, error, signal)
    if (renewed !== undefined && !refused.some((it) => areSameCredentials(it, renewed))) return renewed
    this.#refusal.refused(error)
    return undefined
  }

  /** One at a time is let through to the server, which refused the last one. */
  async #probe(signal: AbortSignal): Promise<Credentials> {
    if (!this.#refusal.isOver) throw refusedLately(this.#refusal.cause)
    this.#refusal.probe()
    return this.#fetch(true, signal)
  }

  /** New ones, or the reason why there are none. */
  async #fetch(fresh: boolean, signal: AbortSignal): Promise<Credentials> {
    for (;;) {
      const landing = await this.#start(fresh).landing(signal)
      if (landing.how === 'landed') return landing.credentials
      if (landing.how === 'failed') throw landing.error
    }
  }

  /** The fetch that is under way, if it will do, or another in its place. */
  #start(fresh: boolean): CredentialFlight {
    const current = this.#flight
    if (current !== undefined) {
      const isHung = elapsedMillis(current.began, this.#options.clock.now()) >= HUNG_MILLIS
      if (!isHung && (current.fresh || !fresh)) return current
    }
    const flight = new CredentialFlight(this.#options, fresh, (landing) => this.#ended(flight, landing))
    this.#flight = flight
    current?.supersede()
    return flight
  }

  #ended(flight: CredentialFlight, landing: Landing): void {
    this.#flight = undefined
    if (landing.how === 'landed') this.#keep(landing.credentials, flight.began)
    else this.#pause()
  }

  #keep(credentials: Credentials, asked: Instant): void {
    const received = this.#options.clock.now()
    const leftMillis = (credentials.expiresAt ?? Number.POSITIVE_INFINITY) - received.wall
    const marginMillis = Math.min(LONGEST_MARGIN_MILLIS, leftMillis * MARGIN)
    const lifeMillis = Number.isFinite(leftMillis) ? leftMillis - marginMillis : leftMillis
    this.#kept = lifeMillis > 0 ? { credentials, asked, received, lifeMillis } : undefined
    this.#failurePause = undefined
    this.#refused = undefined
    const hasMoved = !this.isCurrent(credentials)
    this.#latest = credentials
    if (hasMoved) this.#options.moved?.()
  }

  #usable(): Kept | undefined {
    const kept = this.#kept
    if (kept === undefined) return undefined
    return elapsedMillis(kept.received, this.#options.clock.now()) < kept.lifeMillis ? kept : undefined
  }

  #isRefused(credentials: Credentials): boolean {
    return this.#refused !== undefined && areSameCredentials(this.#refused, credentials)
  }

  #age({ asked }: Kept): number {
    return elapsedMillis(asked, this.#options.clock.now())
  }

  #ttl({ lifeMillis }: Kept): number {
    return Math.min(this.#options.ttlMillis, lifeMillis)
  }

  #pause(): void {
    const { clock, random } = this.#options
    this.#failurePause = { since: clock.now(), millis: FAILURE_PAUSE_MILLIS * (0.5 + random() / 2) }
  }

  #isPaused(): boolean {
    const pause = this.#failurePause
    return pause !== undefined && elapsedMillis(pause.since, this.#options.clock.now()) < pause.millis
  }
}
