/** The ways to hold connections that are compared, in this order. */
export const contenders = ['pg-pool-defaults', 'pg-pool-tuned', 'client-per-call', 'pg-thaw'] as const

export type Contender = (typeof contenders)[number]

/** What each is called in tables and pictures. */
export const titles: Readonly<Record<Contender, string>> = {
  'pg-pool-defaults': 'pg.Pool, defaults',
  'pg-pool-tuned': 'pg.Pool, tuned',
  'client-per-call': 'client per call',
  'pg-thaw': 'pg-thaw',
}

/** One of something for each. */
export function perContender<T>(make: (contender: Contender) => T): Record<Contender, T> {
  return Object.fromEntries(contenders.map((contender) => [contender, make(contender)])) as Record<Contender, T>
}
