/** A pool of resources that cost nothing: what is left is the pool. */
export interface FakePool {
  /** Lends this many at once; the returned function gives them all back. */
  hold(count: number): Promise<() => Promise<void>>
  /** Acquires and releases, one after the other. */
  cycle(times: number): Promise<void>
  /** Acquires, and releases with the wish never to see it again, one after the other. */
  replace?(times: number): Promise<void>
  /** So many callers at once, each of which acquires and releases. */
  queue(callers: number): Promise<void>
  /** What a query would have done: the resources that are lent or idle have just answered. */
  answer?(): void
}

/** Makes a pool that holds at most `max`. */
export type MakeFakePool = (max: number) => FakePool

/** What the pools that take any resource are given. */
export interface FakeResource {
  readonly id: number
}
