import type { Entrant, Samples, Turns } from './turns.js'

/** What can be asked for with `--only`. */
export const benchNames = [
  'acquire-1',
  'acquire-1000',
  'acquire-16',
  'replace-10',
  'replace-1000',
  'handover',
  'heap',
  'heap-16',
  'query-sequential',
  'query-key',
  'query-join',
  'transaction-key',
  'throughput-1',
  'throughput-4',
  'throughput-10',
  'throughput-key',
  'fanout-20',
  'fanout-100',
  'head-of-line',
  'lambda-call',
  'warm-call',
  'thaw-call',
  'thaw-forgotten',
  'cold-start',
  'token',
  'bundle',
  'load',
  'wrapper',
  'calls',
  'listening-query',
  'listening-call',
] as const

export type BenchName = (typeof benchNames)[number]

/** One measured value: the median of its rounds, unless the bench says otherwise. */
export interface Row {
  readonly bench: BenchName
  readonly contender: string
  readonly value: number
  readonly unit: string
}

/** Where a database is. */
export interface DatabaseAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** What a bench finds when it runs; plain data, since it runs in a process of its own. */
export interface Surroundings {
  /** The repository. */
  readonly root: string
  /** Present when the bench needs it. */
  readonly database: DatabaseAddress | undefined
  /** The same database, `roundTripMillis` away. */
  readonly distantDatabase: DatabaseAddress | undefined
  /** What the server's certificate is signed by, as PEM, for who speaks TLS to it. */
  readonly certificateAuthority: string | undefined
}

interface Common {
  /** One, or several that are read against each other and so have to run together. */
  readonly names: readonly BenchName[]
  /** `orders` is the database with the tables of bench/orders.ts in it. */
  readonly needs: 'nothing' | 'database' | 'orders' | 'distant database'
  /** For the Node.js that it runs in. */
  readonly nodeFlags: readonly string[]
  /** Left out where nobody asks for it by name, since it takes too long. */
  readonly onlyWhenAsked?: true
}

/** Contenders that do the same in turn, each in a process of its own. */
export interface Contest extends Common {
  readonly kind: 'contest'
  readonly turns: Turns
  /** Who takes part; asked in each process, so it opens nothing. At least those of the names that are asked for. */
  entrants(asked: readonly BenchName[], surroundings: Surroundings): readonly Entrant[]
  /** What the turns say. */
  rows(asked: readonly BenchName[], samples: Samples): Row[]
}

/** A measurement of another kind, in one process. */
export interface Inspection extends Common {
  readonly kind: 'inspection'
  run(surroundings: Surroundings): Promise<Row[]>
}

export type Bench = Contest | Inspection

/** How far away the distant database is: there and back. */
export const roundTripMillis = 10
