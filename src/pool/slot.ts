import { type Instant, NEVER } from './clock.js'
import type { Ended, ResourcePoolOptions } from './connector.js'

/** Why a resource was never lent again. A closed set: every close has one of these. */
export const RETIRE_REASONS = [
  /** Older than its lifetime. */
  'lifetime',
  /** Idle for longer than allowed. */
  'idle',
  /** The other side has certainly ended it, by the lease it was dialled with. */
  'lease',
  /** Lent as often as allowed. */
  'uses',
  /** Of a generation that was condemned. */
  'generation',
  /** Gave no answer when asked. */
  'invalid',
  /** Reported as lost. */
  'broken',
  /** Discarded by its borrower. */
  'discarded',
  /** Came back while something was running on it, or in an unknown state. */
  'busy',
  /** Has reported an error that is its own, and not that of what was asked. */
  'fault',
  /** Could not be reset. */
  'reset',
  /** More idle than may be kept. */
  'surplus',
  /** Closed to keep fewer. */
  'trim',
  /** Taken back from a borrower that never returned it. */
  'reclaimed',
  /** The pool ended. */
  'end',
] as const

/** Why a resource was never lent again: see {@link RETIRE_REASONS}. */
export type RetireReason = (typeof RETIRE_REASONS)[number]

/**
 * Where a slot is. Each state has only its own data, and each entry into one in which somebody is at work, or has the resource, makes a
 * new object: work that settles late compares the slot's state with the object it started in, and knows when it was overtaken.
 *
 * ```
 * dialing ──▶ validating ──▶ idle ⇄ lent ──▶ returning ──▶ idle or lent
 *    │             ▲          │       │
 *    │             └──────────┴───────┘
 *    ▼        every one but dialing ──▶ closing ──▶ gone
 *   gone
 * ```
 */
export type SlotState<R> = { readonly name: 'idle' } | Checkout<R> | Working | { readonly name: 'gone' }

/** The connector works on it, within a bound; it is validating also when it was dialled just now, and not lent yet. */
export interface Working {
  readonly name: 'dialing' | 'validating' | 'returning' | 'closing'
  /** Ends it now, as if its bound had passed. */
  abandon: (() => void) | undefined
}

/** The states that are counted. */
export type StateName = Exclude<SlotState<unknown>['name'], 'gone'>

/** What a pool knows of all its slots, by which each is judged. */
export interface Known {
  /** Counts the generations that were condemned. */
  generation: number
  /** Grows whenever something happened that may have killed resources unseen. */
  suspicions: number
  /** Who was asked for an answer when there were fewer suspicions than this has to be asked again. */
  trusted: number
  /** Slots that are not on their way out. */
  staying: number
}

/** One unit of the pool's capacity, from the dial until its resource is closed, and the facts by which the resource is judged. */
export class Slot<R> implements Link<Slot<R>> {
  chain: Chain<Slot<R>> | undefined = undefined
  older: Slot<R> | undefined = undefined
  newer: Slot<R> | undefined = undefined
  state: SlotState<R>
  /** What follows is set when the dial is done, and not looked at before. */
  resource: R = undefined as R
  generation = 0
  dialledAt: Instant = LONG_AGO
  /** Silent for longer than this, the other side has certainly ended it. */
  leaseMillis = Infinity
  /** Its own lifetime, jittered, so that those dialled together don't end together. */
  lifetimeMillis = 0
  /** How long it may say nothing when it is asked for an answer: about as long as its dial took. */
  silenceMillis = 0
  /** When that is over, on the monotonic clock. */
  agesAt = 0.5
  /** Loans so far. */
  uses = 0
  /** Since when it has been lent, if it is, on the monotonic clock. */
  lentAt = 0.5
  /** Since when it has been idle, if it is, on both clocks. */
  idleWall = 0.5
  idleMonotonic = 0.5
  /** When the other side last answered, as far as is known, on both clocks; and what was suspected when it was asked. */
  provenWall = 0.5
  provenMonotonic = 0.5
  provenAgainst = 0
  /** Set once it was reported lost. */
  lostWith: Error | undefined = undefined

  constructor(state: SlotState<R>) {
    this.state = state
  }

  /**
   * The one place that says why a resource is not lent as it is: a reason to close it for good, or `unproven` where it has to give an
   * answer first. Judged at each loan and return, so written without calls: elapsed time is the larger of what the clocks say.
   */
  whyNotLend(
    wall: number,
    monotonic: number,
    { maxUses, min, idleTimeoutMillis, validationBypassMillis }: ResourcePoolOptions,
    known: Known,
  ): RetireReason | 'unproven' | undefined {
    const { dialledAt, state } = this
    const silentMillis = Math.max(wall - this.provenWall, monotonic - this.provenMonotonic)
    if (this.lostWith !== undefined) return 'broken'
    // The other side counts from its last answer.
    if (silentMillis >= this.leaseMillis) return 'lease'
    if (this.generation !== known.generation) return 'generation'
    if (this.uses >= maxUses) return 'uses'
    if (Math.max(wall - dialledAt.wall, monotonic - dialledAt.monotonic) >= this.lifetimeMillis) return 'lifetime'
    if (state.name === 'idle' && silentMillis >= idleTimeoutMillis && known.staying > min) {
      if (Math.max(wall - this.idleWall, monotonic - this.idleMonotonic) >= idleTimeoutMillis) return 'idle'
    }
    if (validationBypassMillis === NEVER) return undefined
    return this.provenAgainst < known.trusted || silentMillis >= validationBypassMillis ? 'unproven' : undefined
  }
}

const LONG_AGO: Instant = { wall: 0, monotonic: 0 }

/**
 * One loan of one resource, and the state of its slot meanwhile. What a former borrower does with its checkout later can't touch
 * the next loan, because that is another object.
 */
export class Checkout<R> {
  declare readonly name: 'lent'
  declare readonly resource: R
  /** Whatever the borrower gave at acquire to be recognised by. */
  declare readonly label: unknown
  /** `open` until it is released by its borrower or reclaimed by the pool. */
  declare state: 'open' | 'released' | 'reclaimed'
  /** What was suspected when it was lent unproven, until it has given an answer. @internal */
  declare provesAgainst: number | undefined
  /** Told of the answer that it gives, or doesn't, where somebody listens. @internal */
  declare proofEnded: Ended | undefined
  /** @internal */
  declare readonly slot: Slot<R>
  declare private readonly lender: { release(checkout: Checkout<R>, discard?: Error | boolean): void }

  /** @internal */
  constructor(
    lender: { release(checkout: Checkout<R>, discard?: Error | boolean): void },
    slot: Slot<R>,
    label: unknown,
  ) {
    this.name = 'lent'
    this.resource = slot.resource
    this.label = label
    this.state = 'open'
    this.provesAgainst = undefined
    this.proofEnded = undefined
    this.slot = slot
    this.lender = lender
  }

  /**
   * Whether the resource was lent before it gave an answer: nothing may rest on it until then. Its borrower tells the pool of the answer
   * ({@link ResourcePool.proved}), or that there was none for {@link silenceMillis} ({@link ResourcePool.disproved}).
   */
  get isUnproven(): boolean {
    return this.provesAgainst !== undefined
  }

  /** How long the resource may say nothing before it is taken for dead, ms. */
  get silenceMillis(): number {
    return this.slot.silenceMillis
  }

  /**
   * Returns the resource. With `discard` it is closed instead of lent again; an error says why. After the pool has reclaimed it, the
   * call is reported and does nothing more.
   *
   * @throws {PoolError} `POOL_DOUBLE_RELEASE` when it was released before.
   */
  release(discard?: Error | boolean): void {
    this.lender.release(this, discard)
  }
}

/** What can stand in a {@link Chain}; the links belong to the chain. */
export interface Link<T extends Link<T>> {
  chain: Chain<T> | undefined
  older: T | undefined
  newer: T | undefined
}

/** A doubly linked list whose links lie in its members. Written by {@link moveTo} alone. */
export class Chain<T extends Link<T>> {
  oldest: T | undefined = undefined
  newest: T | undefined = undefined
  length = 0

  /** The members of this moment, oldest first: the chain may change while they are visited. */
  snapshot(): T[] {
    const members: T[] = []
    for (let member = this.oldest; member !== undefined; member = member.newer) members.push(member)
    return members
  }
}

/**
 * Puts a member at the newest end of another chain, or of none. It leaves the one in which it stands: so each stands in one at a time,
 * counts can't drift, and adding, removing from any place and counting cost the same however many there are.
 */
export function moveTo<T extends Link<T>>(member: T, to: Chain<T> | undefined): void {
  const { chain: from, older, newer } = member
  if (from !== undefined) {
    if (older === undefined) from.oldest = newer
    else older.newer = newer
    if (newer === undefined) from.newest = older
    else newer.older = older
    from.length -= 1
  }
  member.chain = to
  member.newer = undefined
  member.older = to?.newest
  if (to === undefined) return
  if (to.newest === undefined) to.oldest = member
  else to.newest.newer = member
  to.newest = member
  to.length += 1
}
