import { expect } from 'vitest'
import type { Condition, ResourcePoolOptions } from '../../src/pool/connector'
import type { EndReport } from '../../src/pool/resource-pool'
import type { Checkout } from '../../src/pool/slot'
import { settled } from '../support/fake-clock'
import { type Call, createFakePool, type FakePool } from '../support/fake-pool'
import type { FakeResource, Operation } from '../support/fake-resource'

const NEVER = Number.POSITIVE_INFINITY

interface Caller {
  readonly call: Call
  readonly timeoutMillis: number
  /** Whether the pool had ended when it came. */
  readonly late: boolean
  /** Turned away without an error: never settled. */
  isLeft: boolean
}

/** What is known from outside about how long a dial has said nothing. */
interface Silence {
  readonly since: number
  /** Before this nobody can have taken it for silent, ms. */
  readonly patience: number
  /** When its limit certainly rang, perhaps too late to count… */
  rungAt: number | undefined
  /** …and rang once more. */
  isCertain: boolean
}

/** A pool, everybody who uses it, and what must hold whatever they do. */
export class World {
  readonly fake: FakePool
  readonly calls: Caller[] = []
  readonly #options: Partial<ResourcePoolOptions>
  readonly #tried: Checkout<FakeResource>[] = []
  readonly #silences = new Map<FakeResource, Silence>()
  readonly #uses = new Map<FakeResource, number>()
  readonly #served: number[] = []
  readonly #broken: string[] = []
  #reclaimed = 0
  #reuses = 0
  #asking: number | undefined
  #failuresAtLastDial = 0
  #ended: Promise<EndReport> | undefined
  #report: EndReport | undefined

  constructor({ hears, ...options }: Partial<ResourcePoolOptions> & { readonly max: number; readonly hears: boolean }) {
    this.#options = options
    this.fake = createFakePool(options, {
      acquired: (resource) => this.#used(resource),
      dialled: (resource) => {
        this.#silences.delete(resource)
        this.#failuresAtLastDial = this.fake.pool.stats().dialFailures
      },
    })
    this.fake.far.hears = hears
    this.fake.far.before = (operation, resource) => {
      if (operation === 'dial') this.#dialStarts(resource)
    }
  }

  acquire(timeoutMillis: number): void {
    const index = this.calls.length
    this.#asking = timeoutMillis
    const late = this.fake.pool.ended
    const call = this.fake.call({ timeoutMillis, label: index })
    this.#asking = undefined
    void call.done.then(() => {
      if (call.state === 'served') this.#served.push(index)
    })
    this.calls.push({ call, timeoutMillis, late, isLeft: false })
  }

  tryAcquire(): void {
    const checkout = this.fake.pool.tryAcquire()
    if (checkout !== undefined) this.#tried.push(checkout)
  }

  reuse(which: number): void {
    const open = this.open.filter(({ state }) => state === 'open')
    const checkout = open[which % open.length]
    if (checkout === undefined || !this.fake.pool.reuse(checkout)) return
    this.#reuses += 1
    this.#used(checkout.resource)
  }

  /** All loans so far. */
  get #loans(): Checkout<FakeResource>[] {
    const served = this.calls.filter(({ call }) => call.state === 'served')
    return [...served.map(({ call }) => call.checkout), ...this.#tried]
  }

  get #pending(): Caller[] {
    return this.calls.filter(({ call, isLeft }) => call.state === 'pending' && !isLeft)
  }

  /** Loans that are out, as far as their borrowers know. */
  get open(): Checkout<FakeResource>[] {
    return this.#loans.filter(({ state }) => state !== 'released')
  }

  release(which: number, condition: Condition, discard: boolean, signed: boolean): void {
    const { open } = this
    const checkout = open[which % open.length]
    if (checkout === undefined) return
    checkout.resource.condition = condition
    if (signed && which % 2 === 0) return this.fake.pool.release(checkout, discard, true)
    if (signed) checkout.resource.sign = this.fake.clock.now()
    checkout.release(discard)
  }

  lose(which: number): void {
    const { resources } = this.fake.far
    const resource = resources[which % resources.length]
    if (resource !== undefined) this.fake.far.lose(resource.id)
  }

  wake(): void {
    this.fake.pool.wake()
  }

  drain(): void {
    void this.fake.pool.drain()
  }

  reclaim(): void {
    this.#reclaimed += this.fake.pool.reclaim().length
  }

  /** Turns one away, or leaves it unsettled for ever. */
  turnAway(which: number, told: boolean): void {
    const pending = this.#pending
    const caller = pending[which % pending.length]
    if (caller === undefined) return
    const left = caller.call.leave(told ? new Error('enough') : undefined)
    if (left > 0 && !told) caller.isLeft = true
  }

  answer(operation: Operation, how: 'ok' | 'reject'): void {
    if (this.fake.far.pending(operation).length > 0) this.fake.far.answer(operation, how)
  }

  async advance(millis: number): Promise<void> {
    await this.fake.clock.advance(millis)
    const now = this.fake.clock.monotonic()
    for (const silence of this.#silences.values()) {
      if (silence.rungAt === undefined && now >= silence.since + 1000) silence.rungAt = now
      else if (silence.rungAt !== undefined && now >= silence.rungAt + 1000) silence.isCertain = true
    }
  }

  /** What holds between any two atomic sections. */
  check(): void {
    const { pool, far, clock } = this.fake
    const stats = pool.stats()
    const { max, total, idle, lent, dialing, validating, returning, closing, waiting } = stats
    expect(this.#broken).toEqual([])
    expect(idle + lent + dialing + validating + returning + closing, 'the gauges add up').toBe(total)
    expect(total).toBeLessThanOrEqual(max)
    expect(idle).toBeLessThanOrEqual(this.#options.maxIdle ?? max)
    expect(far.mostOpen, 'most open at the far side').toBeLessThanOrEqual(max)
    const underWay = dialing + validating + returning
    const certainlySilent = this.#dials.filter(({ isCertain }) => isCertain).length
    if (waiting > 0 && idle > 0)
      expect(validating, 'nobody waits while a fit one is idle').toBeGreaterThanOrEqual(waiting)
    if (waiting > underWay - certainlySilent && total < max) {
      expect(stats.dialFailures, 'only a pause lets one wait while a slot is free').toBeGreaterThan(
        this.#failuresAtLastDial,
      )
      expect(dialing > 0 || clock.liveTimers > 0, 'a pause ends').toBe(true)
    }
    if (pool.ended && waiting === 0) {
      expect({ idle, validating, dialing }, 'the end keeps nothing').toEqual({ idle: 0, validating: 0, dialing: 0 })
    }
    // Each has a timer of its own, a dial two; the pause, the idle timeout and the end have one.
    expect(clock.liveTimers).toBeLessThanOrEqual(waiting + 2 * dialing + validating + returning + closing + 3)
    if (underWay > dialing + validating || closing > 0) expect(clock.keepsProcess).toBe(true)
  }

  /** What holds once every promise callback has run. */
  checkSettled(): void {
    this.check()
    const { pool, clock } = this.fake
    const pending = this.#pending
    expect(pending.length, 'each call settles when it leaves the queue').toBe(pool.gauges().waiting)
    const out = this.#loans.filter(({ state }) => state === 'open').map(({ resource }) => resource)
    expect(new Set(out).size, 'each is lent to one').toBe(out.length)
    expect(out.length).toBe(pool.gauges().lent)
    expect(this.#served, 'served in arrival order').toEqual(this.#served.toSorted((a, b) => a - b))
    if (pending.some(({ timeoutMillis }) => timeoutMillis !== NEVER)) expect(clock.keepsProcess).toBe(true)
    expect(this.calls.filter(({ late, call }) => late && call.state !== 'failed')).toEqual([])
  }

  /** Ends the pool: nothing may be left. */
  async end(): Promise<void> {
    this.startEnd(1000)
    await this.finishEnd()
  }

  startEnd(patienceMillis: number): void {
    this.#ended = this.fake.pool.end(patienceMillis)
    void this.#ended.then((report) => {
      this.#report = report
    })
  }

  async finishEnd(): Promise<void> {
    const { far, pool, clock } = this.fake
    // What hangs without a limit of its own, or without a patience, has to be ended by its borrowers and by the far side.
    far.answerAll('dial')
    Object.assign(far.gates, { dial: 'reject' })
    for (let round = 0; round < 40 && this.#report === undefined; round += 1) {
      await this.advance(1000)
      if (round % 4 === 3)
        pool.turnAway(
          () => true,
          () => new Error('enough'),
        )
      if (round > 4) for (const checkout of this.open) checkout.release()
    }
    expect(this.#report, 'the end comes').toBeDefined()
    this.#reclaimed += this.#report?.reclaimed ?? 0
    for (const checkout of this.open) checkout.release()
    expect(pool.gauges()).toMatchObject({ total: 0, waiting: 0 })
    expect(far.open).toBe(0)
    expect(clock.liveTimers).toBe(0)
    for (const operation of ['dial', 'ping', 'reset', 'close'] as const) far.answerAll(operation)
    await settled()
    expect(far.open, 'what comes too late is destroyed').toBe(0)
    expect(this.#pending).toEqual([])
    expect(pool.stats().acquires, 'each loan reached its borrower').toBe(this.#loans.length)
    expect(pool.stats().lateReturns, 'each loan was returned or reclaimed, once').toBe(this.#reclaimed)
    const uses = [...this.#uses.values()].reduce((sum, it) => sum + it, 0)
    expect(uses, 'each use is one of a loan').toBe(this.#loans.length + this.#reuses)
    for (const used of this.#uses.values()) expect(used).toBeLessThanOrEqual(this.#options.maxUses ?? NEVER)
  }

  #used(resource: FakeResource): void {
    this.#uses.set(resource, 1 + (this.#uses.get(resource) ?? 0))
  }

  /** What is known of the dials that are still under way. */
  get #dials(): Silence[] {
    return [...this.#silences].filter(([{ open }]) => open).map(([, silence]) => silence)
  }

  #dialStarts(resource: FakeResource): void {
    const { pool, clock } = this.fake
    const { dialing, validating, returning, waiting } = pool.gauges()
    const now = clock.monotonic()
    const silent = this.#dials.filter(({ since, patience }) => now - since >= patience).length
    const underWay = dialing - silent + validating + returning
    if (underWay > waiting) this.#broken.push(`dialled though ${underWay} are under way for ${waiting}`)
    const limits = this.#pending.map(({ timeoutMillis }) => timeoutMillis)
    const patience = Math.min(1000, ...[...limits, this.#asking ?? NEVER].map((millis) => millis / 2))
    this.#silences.set(resource, { since: now, patience, rungAt: undefined, isCertain: false })
  }
}
