import type { CurrentInvocation, Whose } from '../../../registry/environment.js'

/**
 * Who has a connection, waits for one, or has a query under way on one that others use too: what it takes to report and to end it when
 * its invocation is over, its deadline strikes or its signal is aborted. Only those have one.
 */
export class Borrower {
  /** The invocation that it belongs to, if any. */
  readonly invocation: CurrentInvocation | undefined
  /** Its stack leads to the code that asked. */
  readonly asked: { readonly stack?: string }
  /** Set once something of it may have reached the server, or a client was lent to it. */
  hasBegun = false
  #reject: ((error: Error) => void) | undefined
  /** What it was promised and has not yet, and what it reads from. */
  readonly #promised = new Set<Promise<unknown>>()
  readonly #reading = new Set<{ destroy(error: Error): void }>()
  /** Why it was cut off, if it was. */
  #failure: Error | undefined
  #isForsaken = false

  /** Its stack begins below the given function. */
  constructor(invocation: CurrentInvocation | undefined, below: Below) {
    this.invocation = invocation
    this.asked = {}
    Error.captureStackTrace(this.asked, below)
  }

  /** Whether it was cut off or left behind: nothing more is done for it. */
  get isOver(): boolean {
    return this.#failure !== undefined || this.#isForsaken
  }

  /** Whether it was left behind by an ended invocation: nothing that it was promised is settled any more. */
  get isForsaken(): boolean {
    return this.#isForsaken
  }

  /** Takes note of how what it waits for can be ended from outside. */
  canBeCutOff(reject: (error: Error) => void): void {
    this.#reject = reject
    if (this.#failure !== undefined) reject(this.#failure)
  }

  /** A promise to it, kept in mind until `settle` is called. */
  promises<T>(begin: (settle: (outcome: T | PromiseLike<T>) => void) => void): Promise<T> {
    let settle: (outcome: T | PromiseLike<T>) => void = () => {}
    const promise = new Promise<T>((resolve) => {
      settle = resolve
    })
    this.#promised.add(promise)
    begin((outcome) => {
      this.#promised.delete(promise)
      settle(outcome)
    })
    return promise
  }

  /** It reads from a stream, which ends with it. */
  streams(stream: { destroy(error: Error): void }): void {
    this.#reading.add(stream)
  }

  /**
   * Its time is over, or it was aborted: it hears so now, whatever its connection does. Nobody may be listening: it need not have awaited
   * all that it was promised, and that must not end the process.
   */
  cutOff(failure: Error): void {
    this.#failure ??= failure
    const promised = [...this.#promised]
    // Not before each error has found the way to who asked: a promise that two look at does not tell whom.
    queueMicrotask(() => process.nextTick(() => promised.forEach((it) => void it.catch(() => {}))))
    for (const stream of this.#reading) stream.destroy(failure)
    this.#reject?.(failure)
  }

  forsake(): void {
    this.#isForsaken = true
    // Hears nothing, but lets go of its signal.
    this.#reject?.(FORSAKEN)
  }
}

const FORSAKEN = new Error('forsaken')

/** A function that need not be seen in a stack. */
export type Below = (...args: never[]) => unknown

/** Who alone has the connection with such a label, if that is known. */
export function borrowerOf(label: unknown): Borrower | undefined {
  return label instanceof Borrower ? label : undefined
}

/** What a connection that several queries use at once is lent for. */
export interface Sharers {
  /** Called when the connection was taken from all of them. */
  taken?(): void
  readonly borrowers: readonly (Borrower | undefined)[]
}

/** Who shares the connection with such a label, if several do. */
export function sharersOf(label: unknown): Sharers | undefined {
  return typeof label === 'object' && label !== null && 'borrowers' in label ? (label as Sharers) : undefined
}

/** Whether everybody behind a label of the pool is meant: a connection that others use too is left to them. */
export function areAll(label: unknown, whom: (borrower: Borrower) => boolean): boolean {
  if (label instanceof Borrower) return whom(label)
  if (typeof label !== 'object' || label === null) return false
  const { borrowers } = label as Sharers
  // Those who were cut off before need it no more either.
  return borrowers.length > 0 && borrowers.every((it) => it !== undefined && (it.isOver || whom(it)))
}

/** Those who belong to such an invocation. */
export function belongingTo(whose: Whose): (borrower: Borrower) => boolean {
  return ({ invocation }) => invocation !== undefined && whose(invocation)
}
