import { expect } from 'vitest'
import type { Checkout } from '../../src/pool/checkout'
import type { Condition } from '../../src/pool/connector'
import type { ResourcePoolOptions } from '../../src/pool/options'
import { settled } from '../support/fake-clock'
import { type Call, createFakePool, type FakePool } from '../support/fake-pool'
import type { FakeResource, Operation } from '../support/fake-resource'
import { ShareBook } from '../support/fake-shares'

const NEVER = Number.POSITIVE_INFINITY

interface Caller {
  readonly call: Call
  readonly abort: AbortController
  readonly limited: boolean
  readonly share: boolean
}

/** A pool, everybody who uses it, and what must hold whatever they do. */
export class World {
  readonly fake: FakePool
  readonly calls: Caller[] = []
  readonly #options: Partial<ResourcePoolOptions>
  readonly #book: ShareBook
  readonly #tried: { readonly checkout: Checkout<FakeResource>; readonly share: boolean }[] = []
  #reclaimed = 0
  readonly #served: number[] = []
  readonly #broken: string[] = []
  #failuresAtLastDial = 0

  constructor({ hears, ...options }: Partial<ResourcePoolOptions> & { readonly max: number; readonly hears: boolean }) {
    this.#options = options
    this.#book = new ShareBook(options.max)
    this.fake = createFakePool(options, {
      acquired: (resource) => this.#book.acquired(resource),
      released: (resource, discard) => this.#book.released(resource, discard),
      idle: (resource) => this.#book.idle(resource),
      dialled: () => {
        this.#failuresAtLastDial = this.fake.pool.stats().dialFailures
      },
    })
    this.fake.far.hears = hears
    this.fake.far.beforeLocal = (call, resource) => this.#book.local(call, resource)
    this.fake.far.before = (operation, resource) => {
      if (operation === 'close') this.#book.closing(resource)
      const { dialing, validating, returning, waiting } = this.fake.pool.gauges()
      if (operation !== 'dial' || dialing + validating + returning <= waiting) return
      this.#broken.push(`dialled though ${dialing + validating + returning} are under way for ${waiting}`)
    }
  }

  acquire(timeoutMillis: number, share: boolean): void {
    const abort = new AbortController()
    const index = this.calls.length
    const call = this.fake.call({ timeoutMillis, signal: abort.signal, label: index, share })
    void call.done.then(() => {
      if (call.state === 'served') this.#served.push(index)
    })
    this.calls.push({ call, abort, limited: timeoutMillis !== NEVER, share })
  }

  tryAcquire(share: boolean): void {
    const checkout = this.fake.pool.tryAcquire(undefined, share)
    if (checkout !== undefined) this.#tried.push({ checkout, share })
  }

  /** All loans so far, with the way in which they were asked for. */
  get #loans(): { readonly checkout: Checkout<FakeResource>; readonly share: boolean }[] {
    const served = this.calls.filter(({ call }) => call.state === 'served')
    return [...served.map(({ call: { checkout }, share }) => ({ checkout, share })), ...this.#tried]
  }

  /** Loans that are out, as far as their borrowers know. */
  get open(): Checkout<FakeResource>[] {
    return this.#loans.map(({ checkout }) => checkout).filter(({ state }) => state !== 'released')
  }

  release(which: number, condition: Condition, discard: boolean, signed: boolean): void {
    const { open } = this
    const checkout = open[which % open.length]
    if (checkout === undefined) return
    checkout.resource.condition = condition
    if (signed) checkout.resource.sign = this.fake.clock.now()
    checkout.release(discard)
  }

  lose(which: number): void {
    const { resources } = this.fake.far
    const resource = resources[which % resources.length]
    if (resource === undefined) return
    this.#book.ending(resource)
    // Only if it was known to be alive.
    this.#book.allDoubtful()
    this.fake.far.lose(resource.id)
  }

  wake(): void {
    if (this.#options.validationBypassMillis !== NEVER) this.#book.allEnding()
    this.fake.pool.wake()
  }

  drain(): void {
    this.#book.allEnding()
    void this.fake.pool.drain()
  }

  reclaim(): void {
    this.#reclaimed += this.fake.pool.reclaim().length
  }

  abort(which: number): void {
    const pending = this.calls.filter(({ call }) => call.state === 'pending')
    pending[which % pending.length]?.abort.abort()
  }

  answer(operation: Operation, how: 'ok' | 'reject'): void {
    if (this.fake.far.pending(operation).length > 0) this.fake.far.answer(operation, how)
  }

  /** What holds between any two atomic sections. */
  check(): void {
    const { far, pool, clock } = this.fake
    const stats = pool.stats()
    const { max, total, idle, lent, dialing, validating, returning, closing, waiting } = stats
    expect([...this.#broken, ...this.#book.broken]).toEqual([])
    expect(idle + lent + dialing + validating + returning + closing, 'the gauges add up').toBe(total)
    expect(total).toBeLessThanOrEqual(max)
    expect(idle).toBeLessThanOrEqual(this.#options.maxIdle ?? max)
    expect(far.mostOpen, 'most open at the far side').toBeLessThanOrEqual(max)
    const underWay = dialing + validating + returning
    if (waiting > 0 && idle > 0)
      expect(validating, 'nobody waits while a fit one is idle').toBeGreaterThanOrEqual(waiting)
    if (waiting > underWay && total < max) {
      expect(stats.dialFailures, 'only a pause lets one wait while a slot is free').toBeGreaterThan(
        this.#failuresAtLastDial,
      )
      expect(dialing > 0 || clock.liveTimers > 0, 'a pause ends').toBe(true)
    }
    expect(clock.liveTimers).toBeLessThanOrEqual(1)
    if (underWay > validating || closing > 0) expect(clock.keepsProcess).toBe(true)
  }

  /** What holds once every promise callback has run. */
  checkSettled(): void {
    this.check()
    const { pool, clock } = this.fake
    const pending = this.calls.filter(({ call }) => call.state === 'pending')
    expect(pending.length, 'each call settles when it leaves the queue').toBe(pool.gauges().waiting)
    this.#checkLoans()
    if (pending[0]?.share && pool.gauges().total === this.#options.max && this.#options.maxLifetimeMillis === NEVER) {
      const joinable = this.#book.joinable(this.#options.maxUses ?? NEVER)
      expect(joinable, 'nobody waits while there is one to join').toEqual([])
    }
    expect(this.#served, 'served in arrival order').toEqual(this.#served.toSorted((a, b) => a - b))
    if (pending.some(({ limited }) => limited)) expect(clock.keepsProcess).toBe(true)
  }

  /** Each lent resource is in the hands of one borrower, or of several who all share it. */
  #checkLoans(): void {
    const loans = new Map<FakeResource, boolean[]>()
    for (const { checkout, share } of this.#loans) {
      if (checkout.state === 'open') loans.set(checkout.resource, [...(loans.get(checkout.resource) ?? []), share])
    }
    expect(loans.size).toBe(this.fake.pool.gauges().lent)
    for (const [resource, shares] of loans) {
      expect(shares.every(Boolean) || shares.length === 1, 'who does not share is alone').toBe(true)
      expect(this.#book.isShared(resource)).toBe(shares[0])
    }
  }

  /** Ends the pool: nothing may be left. */
  async end(): Promise<void> {
    const { far, pool, clock } = this.fake
    const ended = pool.end(1000)
    await clock.advance(5000)
    this.#reclaimed += (await ended).reclaimed
    for (const checkout of this.open) checkout.release()
    expect(pool.gauges()).toMatchObject({ total: 0, waiting: 0 })
    expect(far.open).toBe(0)
    expect(clock.liveTimers).toBe(0)
    for (const operation of ['dial', 'ping', 'reset', 'close'] as const) far.answerAll(operation)
    await settled()
    expect(far.open, 'what comes too late is destroyed').toBe(0)
    expect(this.calls.filter(({ call }) => call.state === 'pending')).toEqual([])
    expect(pool.stats().acquires, 'each loan reached its borrower').toBe(this.#loans.length)
    expect(pool.stats().lateReturns, 'each loan was returned or reclaimed, once').toBe(this.#reclaimed)
  }
}
