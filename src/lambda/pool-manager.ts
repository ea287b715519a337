import { AsyncLocalStorage } from 'node:async_hooks'
import { type Clock, elapsedMillis, type Instant, systemClock } from '../pool/clock.js'
import { INVOCATION, THAW } from '../registry/channels.js'
import { type Environment, environment, type LivePool, runsOneAtATime } from '../registry/environment.js'
import { Invocation, type InvocationContext } from './invocation.js'
import { InvocationAccount } from './invocation-report.js'
import { connectionsToKeep, type InitializationType, leaseToDial, REMEMBERED_GAPS } from './keep-policy.js'

/** What is kept free before the function's timeout when its end has to wait, ms. */
const END_MARGIN_MILLIS = 50

/**
 * What happens to the environment's pools when an invocation begins and ends. There is one manager per environment, and it works
 * on every pool that lives there, whichever copy of the library made it.
 *
 * Work belongs to the invocation in whose async context it is asked for. Where that one is over (a retry, a timer, a promise that was
 * kept for the next call), it belongs to the one that is open, and where none is, to the next: `#next` stands ready for it, and is
 * what begins then. So whatever was asked for inside some invocation has a deadline, and is taken back at an end.
 *
 * An invocation that is answered stays open while work of its own is out that was not awaited, for a while (`lingerMillis`). What is
 * out then is cut off.
 *
 * The environment is *quiet* while no invocation is open, and Lambda freezes it then, for a millisecond or for minutes. The
 * invocation that ends the quiet wakes the pools, and says how long it was at the most: connections have died in short freezes too. The one that ends
 * last leaves behind only what should survive the next freeze. Where nothing freezes, all is kept.
 *
 * An invocation may never be ended: a durable function is suspended for good, a callback is never called. Where invocations certainly
 * run one at a time, the begin of the next one therefore gives up what is still open; elsewhere they may overlap, and only those past
 * their deadline are given up.
 */
export class PoolManager {
  readonly #pools: Set<LivePool>
  readonly #clock: Clock
  readonly #initialization = (process.env.AWS_LAMBDA_INITIALIZATION_TYPE ?? 'on-demand') as InitializationType
  readonly #runsOneAtATime = runsOneAtATime()
  readonly #store = new AsyncLocalStorage<Invocation>()
  /** In the order in which they began. One that is answered and not here is over. */
  readonly #open = new Set<Invocation>()
  /** Has not begun. Nothing belongs to it before none is open. */
  #next: Invocation
  #invocations = 0
  #gapsMillis: readonly number[] = []
  #quietSince: Instant
  /** From the end of the last invocation on, where somebody listens. */
  #quietAccount: InvocationAccount | undefined

  constructor(clock: Clock = systemClock, within: Environment = environment()) {
    this.#pools = within.pools
    this.#clock = clock
    this.#next = new Invocation(clock)
    this.#quietSince = clock.now()
    within.currentInvocation = this.#current
    // Where invocations overlap, a connection serves others than the one that it was opened for.
    if (this.#runsOneAtATime) within.leaseToDial = (withinMillis) => leaseToDial(this.#gapsMillis, withinMillis)
  }

  /**
   * The open invocation that a call for this request is part of: the one in whose async context it runs. That of one which was entered also
   * reaches what the caller begins beside it, where another request is another invocation.
   */
  inside(requestId?: unknown): Invocation | undefined {
    const own = this.#store.getStore()
    if (own === undefined || !this.#open.has(own)) return undefined
    const isPart = !own.isEntered || requestId === undefined || requestId === own.requestId
    return isPart ? own : undefined
  }

  /** Opens an invocation. Nothing here waits: what may be stale is validated while the handler runs. */
  begin(context?: InvocationContext | null): Invocation {
    const invocation = this.#next
    this.#next = new Invocation(this.#clock)
    invocation.begin(context)
    for (const other of this.#open) {
      if (this.#isAbandoned(other, invocation.requestId) && this.#close(other)) this.#report(other)
    }
    // What is closed or asked for an answer now is the invocation's too.
    if (INVOCATION.hasSubscribers) {
      invocation.account = (this.#open.size === 0 && this.#quietAccount) || new InvocationAccount(this.#pools)
    }
    this.#quietAccount = undefined
    const gapMillis = this.#open.add(invocation).size === 1 ? this.#endQuiet(invocation) : 0
    this.#account(invocation, gapMillis)
    this.#invocations += 1
    return invocation
  }

  /** Runs `work` inside an invocation: what it acquires is bounded by the invocation's deadline. */
  run<T>(invocation: Invocation, work: () => T): T {
    return this.#store.run(invocation, work)
  }

  /** The same for what follows in the caller's async context, where the work can't be given as one function. */
  enter(invocation: Invocation): void {
    invocation.isEntered = true
    this.#store.enterWith(invocation)
  }

  /**
   * One more call is part of the invocation, and what this returns ends that part: the last one's end is the invocation's own, as in
   * {@link end}. Calls that were begun beside each other in one that was entered are told apart by nothing else.
   */
  join(invocation: Invocation): () => Promise<void> | undefined {
    invocation.parts += 1
    let isOver = false
    return () => {
      if (!isOver) invocation.parts -= 1
      isOver = true
      return invocation.parts > 0 ? undefined : this.end(invocation)
    }
  }

  /**
   * Nobody waits for the invocation any more, and nobody says when it is over: what it does goes on, and what it asks for from now on is
   * outside of any.
   */
  leave(invocation: Invocation): void {
    if (!this.#open.delete(invocation)) return
    invocation.isLeft = true
    this.#quietSince = this.#clock.now()
    this.#trim()
    this.#report(invocation)
  }

  /**
   * The invocation has been answered. Returns a promise only where the answer has to wait: for work that was not awaited, or for a
   * rollback, which should not be frozen half done. It resolves before the invocation's deadline. Further calls return the same.
   */
  end(invocation: Invocation): Promise<void> | undefined {
    if (!invocation.isAnswered) {
      invocation.isAnswered = true
      const busy = this.#worthWaiting(invocation, 0)
      invocation.ended = busy.length === 0 ? this.#finish(invocation) : this.#linger(invocation, busy)
    }
    return invocation.ended
  }

  /** The invocation that the caller's work belongs to. */
  readonly #current = (): Invocation | undefined => {
    const own = this.#store.getStore()
    if (own !== undefined && this.#open.has(own)) return own
    if (own?.isLeft) return undefined
    // Asked at module scope, during init or by a timer from there: outside, unless no other invocation can be meant.
    if (own === undefined && (!this.#runsOneAtATime || this.#invocations === 0)) return undefined
    return [...this.#open].at(-1) ?? this.#next
  }

  /**
   * One that another begin proves to be left for good. Whoever begins an invocation without a request of its own is not Lambda (a
   * batch handler calls a wrapped one for each of its records, for instance), and proves nothing.
   */
  #isAbandoned(open: Invocation, requestId: unknown): boolean {
    const isAnothers = requestId !== undefined && requestId !== open.requestId
    return open.remainingMillis() === 0 || (this.#runsOneAtATime && isAnothers)
  }

  /** The pools whose work of this invocation is waited for, when it was answered that long ago. */
  #worthWaiting(invocation: Invocation, elapsed: number): LivePool[] {
    if (invocation.remainingMillis() <= END_MARGIN_MILLIS) return []
    return [...this.#pools].filter((it) => it.lingerMillis > elapsed && it.isBusy(invocation.isMe))
  }

  /** Waits for what is out, and for what follows from it; then the invocation is over. */
  async #linger(invocation: Invocation, pools: LivePool[]): Promise<void> {
    const answered = this.#clock.now()
    let elapsed = 0
    for (let busy = pools; busy.length > 0; busy = this.#worthWaiting(invocation, elapsed)) {
      const millis = Math.min(...busy.map((it) => it.lingerMillis)) - elapsed
      await this.#atMost(
        invocation,
        millis,
        busy.map((it) => it.quiet(invocation.isMe)),
      )
      // Whoever was waiting for that work has a turn to ask for more.
      await new Promise(setImmediate)
      elapsed = elapsedMillis(answered, this.#clock.now())
    }
    await this.#finish(invocation)
  }

  /** Resolves when the work is done, after `millis`, shortly before the deadline, or in a hurry. */
  #atMost(invocation: Invocation, millis: number, work: Promise<void>[]): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        limit.cancel()
        resolve()
      }
      const left = Math.max(0, Math.min(millis, invocation.remainingMillis() - END_MARGIN_MILLIS))
      const limit = this.#clock.setTimer(left, done)
      limit.ref()
      invocation.hurry = done
      Promise.all(work).then(done, done)
    })
  }

  /** The invocation is over; when it was the last open one, the environment is quiet. */
  #finish(invocation: Invocation): Promise<void> | undefined {
    if (!this.#close(invocation)) return undefined
    this.#trim()
    const isQuiet = this.#open.size === 0
    const restoring = isQuiet ? [...this.#pools].filter((it) => it.isRestoring).map((it) => it.restored()) : []
    if (restoring.length === 0) return void this.#report(invocation)
    return this.#atMost(invocation, Infinity, restoring).then(() => {
      this.#trim()
      this.#report(invocation)
    })
  }

  /** Cuts off what of its work is still out. False when it was closed before. */
  #close(invocation: Invocation): boolean {
    if (!this.#open.delete(invocation)) return false
    invocation.isAnswered = true
    this.#quietSince = this.#clock.now()
    for (const pool of this.#pools) if (pool.isBusy(invocation.isMe)) pool.reclaim(invocation.isMe)
    invocation.hurry?.()
    return true
  }

  #endQuiet(invocation: Invocation): number {
    const gap = elapsedMillis(this.#quietSince, this.#clock.now())
    // Before the first invocation the environment was being initialised: that is no gap between calls.
    if (this.#invocations > 0) this.#gapsMillis = [...this.#gapsMillis, gap].slice(-REMEMBERED_GAPS)
    for (const pool of this.#pools) pool.wake(invocation, gap)
    if (this.#invocations === 0) return 0
    if (THAW.hasSubscribers) THAW.publish({ gapMillis: gap })
    return gap
  }

  #account({ account, requestId }: Invocation, gapMillis: number): void {
    account?.begin({ requestId, isCold: this.#invocations === 0, gapMillis })
    if (this.#open.size > 1) for (const { account } of this.#open) if (account !== undefined) account.isShared = true
  }

  #report({ account }: Invocation): void {
    if (account === undefined) return
    const { report, next } = account.end(this.#pools)
    this.#quietAccount = next
    INVOCATION.publish(report)
  }

  #trim(): void {
    // Where invocations overlap, nothing freezes just because one ends: what is idle is left to its timers, as in any process.
    if (!this.#runsOneAtATime || this.#open.size > 0) return
    const seen = {
      initialization: this.#initialization,
      invocations: this.#invocations,
      gapsMillis: this.#gapsMillis,
    }
    for (const pool of this.#pools) {
      const { pooling, min, held } = pool
      const { most, isWorth } = connectionsToKeep({ pooling, min, held, ...seen })
      pool.trim(most, isWorth)
    }
  }
}

/** The environment's manager: the same one for every copy of the library. */
export function poolManager(): PoolManager {
  const within = environment()
  within.manager ??= new PoolManager()
  return within.manager as PoolManager
}
