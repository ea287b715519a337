import type { BoundedWork } from './bounded.js'
import type { Link } from './chain.js'
import type { Checkout } from './checkout.js'
import type { Instant } from './clock.js'
import type { Loans } from './loans.js'
import type { RetireReason } from './retirement.js'

/** A resource and the facts that it is judged by. */
export interface Held<R> {
  readonly resource: R
  readonly generation: number
  readonly dialledAt: Instant
  /** Its own lifetime, jittered, so that those dialled together don't end together. */
  readonly lifetimeMillis: number
  /** Loans so far. */
  uses: number
  /** Of those that were shared, how many came back: see {@link Loans}. */
  sharesReturned: number
  /** When it last gave a sign of life, as far as is known. */
  provenAt: Instant
  /** The pool's count of suspicions at that moment: a higher one asks for another sign. */
  provenAgainst: number
  /** Set once it was reported lost. */
  lostWith: Error | undefined
}

/**
 * Where a slot is. Each state has only its own data, and each entry into a state makes a new object: work that settles late
 * compares the slot's state with the object it started in, and knows when it was overtaken.
 *
 * ```
 * dialing ──▶ idle ⇄ lent ──▶ returning ──▶ idle or lent
 *    │        idle ⇄ full ⇄ shared   (full may return, too)
 *    ▼        idle ──▶ validating ──▶ idle or lent
 *   gone        every one but dialing ──▶ closing ──▶ gone
 * ```
 */
export type SlotState<R> =
  | { readonly name: 'dialing'; work: BoundedWork | undefined; unwanted: boolean; lostWith: Error | undefined }
  | { readonly name: 'idle'; readonly held: Held<R>; readonly since: Instant }
  | { readonly name: 'validating'; readonly held: Held<R> }
  | { readonly name: 'lent'; readonly held: Held<R>; readonly checkout: Checkout<R> }
  | SharedState<R, 'shared'>
  | SharedState<R, 'full'>
  | { readonly name: 'returning'; readonly held: Held<R>; readonly done: Promise<void>; work: BoundedWork | undefined }
  | { readonly name: 'closing'; readonly held: Held<R>; readonly reason: RetireReason }
  | { readonly name: 'gone' }

/** Lent to several borrowers at once: `shared` while it would take one more, `full` while it would not. */
export interface SharedState<R, N extends 'shared' | 'full'> {
  readonly name: N
  readonly held: Held<R>
  readonly loans: Loans<R>
}

/** One unit of the pool's capacity: from the dial until the resource is closed. */
export class Slot<R> implements Link<Slot<R>> {
  /** Written by {@link Slots} alone. */
  state: SlotState<R>
  older: Slot<R> | undefined
  newer: Slot<R> | undefined

  constructor(state: SlotState<R>) {
    this.state = state
  }
}

/** The state that is named `N`. */
export type StateNamed<R, N extends SlotState<R>['name']> = Extract<SlotState<R>, { readonly name: N }>

/** A slot that is known to be in state `N`. */
export type SlotIn<R, N extends SlotState<R>['name']> = Slot<R> & { readonly state: StateNamed<R, N> }
