/** What a call does with the database. */
export type Task =
  /** One read. */
  | { readonly does: 'read' }
  /** One insert, outside of any transaction. */
  | { readonly does: 'write'; readonly key: number }
  /** A transaction on a client of its own that returns early, before its COMMIT, and gives the client back. */
  | { readonly does: 'forget-commit'; readonly key: number }
  /** A query that takes so long in the server. */
  | { readonly does: 'sleep'; readonly seconds: number }
  /** One read on a client that is never given back. */
  | { readonly does: 'leak' }
  /** A join by key, so often, one after the other. */
  | { readonly does: 'repeat'; readonly times: number }

/** What a call answers. */
export interface Answer {
  /** From the first question to the last answer, a connection's opening and closing included, ms. */
  readonly databaseMillis: number
}
