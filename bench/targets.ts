import type { BenchName, Row } from './bench.js'

/** One figure among the rows. */
export interface Figure {
  readonly bench: BenchName
  readonly contender: string
  /** Where a bench has figures of several units. */
  readonly unit?: string
}

/** What a figure should be, by itself or as a multiple of another one of the same run. */
export interface Target {
  readonly what: string
  readonly figure: Figure
  readonly per?: Figure
  readonly limit: { readonly atMost: number } | { readonly atLeast: number } | { readonly below: number }
}

const thaw = 'pg-thaw'

export const targets: readonly Target[] = [
  {
    what: 'acquire and release, 1 idle',
    figure: { bench: 'acquire-1', contender: thaw },
    per: { bench: 'acquire-1', contender: 'pg-pool' },
    limit: { atMost: 0.45 },
  },
  {
    what: 'acquire and release, 1 idle',
    figure: { bench: 'acquire-1', contender: thaw },
    per: { bench: 'acquire-1', contender: 'generic-pool' },
    limit: { below: 1 },
  },
  {
    what: 'the same through `Pool`',
    figure: { bench: 'acquire-1', contender: 'pg-thaw, Pool' },
    per: { bench: 'acquire-1', contender: 'pg-pool' },
    limit: { atMost: 0.45 },
  },
  {
    what: 'with 1,000 idle',
    figure: { bench: 'acquire-1000', contender: thaw },
    per: { bench: 'acquire-1', contender: thaw },
    limit: { atMost: 1.2 },
  },
  {
    what: 'with 999 lent and one cycling',
    figure: { bench: 'acquire-1000', contender: 'pg-thaw, 999 lent' },
    per: { bench: 'acquire-1', contender: thaw },
    limit: { atMost: 1.2 },
  },
  {
    what: 'replacing with 1,000 lent',
    figure: { bench: 'replace-1000', contender: thaw },
    per: { bench: 'replace-10', contender: thaw },
    limit: { atMost: 1.3 },
  },
  {
    what: 'hand-over among 30,000 waiters',
    figure: { bench: 'handover', contender: thaw },
    per: { bench: 'handover', contender: 'generic-pool' },
    limit: { below: 1 },
  },
  {
    what: 'bytes per acquire and release',
    figure: { bench: 'heap', contender: thaw },
    limit: { atMost: 900 },
  },
  {
    what: 'the same through `Pool`',
    figure: { bench: 'heap', contender: 'pg-thaw, Pool' },
    limit: { atMost: 900 },
  },
  ...(['µs wall', 'µs CPU'] as const).map((unit) => ({
    what: `sequential queries, ${unit}`,
    figure: { bench: 'query-sequential' as const, contender: thaw, unit },
    per: { bench: 'query-sequential' as const, contender: 'held client', unit },
    limit: { atMost: 1.03 },
  })),
  ...(
    [
      ['throughput-1', 9],
      ['throughput-4', 2],
      ['throughput-10', 1.5],
    ] as const
  ).map(([bench, atLeast]) => ({
    what: `50 loops of queries, max ${bench.slice('throughput-'.length)}`,
    figure: { bench, contender: thaw },
    per: { bench, contender: 'pg-pool' },
    limit: { atLeast },
  })),
  {
    what: '20 queries at once, 10 ms away',
    figure: { bench: 'fanout-20', contender: thaw },
    limit: { atMost: 1.2 },
  },
  {
    what: '100 queries at once, 10 ms away',
    figure: { bench: 'fanout-100', contender: thaw },
    limit: { atMost: 1.5 },
  },
  ...['pg-thaw', 'pg-thaw, one open', 'pg-thaw, none open'].map((contender) => ({
    what: `quick queries behind a slow one (${contender})`,
    figure: { bench: 'head-of-line' as const, contender },
    limit: { atMost: 0 },
  })),
  ...['pg-thaw', 'pg-thaw, ESM'].map((contender) => ({
    what: `bytes added to a bundle (${contender})`,
    figure: { bench: 'bundle' as const, contender },
    limit: { below: 14_000 },
  })),
  {
    what: 'CPU to load it in a bundle',
    figure: { bench: 'load', contender: 'pg-thaw, in a bundle' },
    limit: { below: 3 },
  },
  { what: 'the wrapper, per call', figure: { bench: 'wrapper', contender: thaw }, limit: { below: 20 } },
  {
    what: 'the same with a pool',
    figure: { bench: 'wrapper', contender: 'pg-thaw, one pool' },
    limit: { below: 20 },
  },
]

export function find(rows: readonly Row[], { bench, contender, unit }: Figure): Row | undefined {
  return rows.find((row) => row.bench === bench && row.contender === contender && row.unit === (unit ?? row.unit))
}

export function isMet(limit: Target['limit'], value: number): boolean {
  if ('atMost' in limit) return value <= limit.atMost
  if ('atLeast' in limit) return value >= limit.atLeast
  return value < limit.below
}
