/** What a call does with the database, and which keys are its own. */
export interface Entry {
  readonly does: Task
  readonly keys: readonly [number, number]
}

/**
 * - `read`: a query of the pool.
 * - `write`: the same, that writes the first key.
 * - `together`: three reads and a write of the first key, asked of the pool at once.
 * - `client`, `use`: writes the first key and reads it, on a client that is lent for both.
 * - `transaction`: writes both keys, or none.
 */
export type Task = (typeof tasks)[number]

export const tasks = ['read', 'write', 'together', 'client', 'use', 'transaction'] as const

/** What a call answers. Where nothing failed, what it was to write is written. */
export interface Entered {
  readonly failed?: { readonly code: string; readonly phase: string; readonly retry: string; readonly message: string }
}
