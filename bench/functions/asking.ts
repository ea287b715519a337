/** What a call is to do. */
export interface Asked {
  readonly sql: string
  /** So many queries at once, with 1, 2, … as their value. */
  readonly queries: number
}

/** What a call tells. */
export interface Told {
  /** From asking to the last answer. */
  readonly millis: number
  /** Connects of this environment so far. */
  readonly connects: number
}

interface Pool {
  query(sql: string, values: unknown[]): Promise<unknown>
}

/** A handler that asks several queries at once, and measures what its caller would wait for. */
export function asking(pool: Pool, connects: () => number): (asked: Asked) => Promise<Told> {
  return async ({ sql, queries }) => {
    const before = performance.now()
    await Promise.all(Array.from({ length: queries }, (_, index) => pool.query(sql, [index + 1])))
    return { millis: performance.now() - before, connects: connects() }
  }
}
