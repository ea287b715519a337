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
/** What users call, where a bench has the generic pool beside it. */
const face = 'pg-thaw, Pool'

/** Of a round trip: less than one more, and more than a busy moment. */
const machineShare = 0.5

export const targets: readonly Target[] = [
  ...(
    [
      ['pg-pool', 0.35],
      ['generic-pool', 0.9],
    ] as const
  ).map(([contender, atMost]) => ({
    what: 'acquire and release through `Pool`, 1 idle',
    figure: { bench: 'acquire-1' as const, contender: face },
    per: { bench: 'acquire-1' as const, contender },
    limit: { atMost },
  })),
  {
    what: 'the same with 1,000 idle',
    figure: { bench: 'acquire-1000', contender: face },
    per: { bench: 'acquire-1', contender: face },
    limit: { atMost: 1.1 },
  },
  {
    what: 'the same with 999 lent and one cycling',
    figure: { bench: 'acquire-1000', contender: `${face}, 999 lent` },
    per: { bench: 'acquire-1', contender: face },
    limit: { atMost: 1.1 },
  },
  {
    what: 'bytes for that, 1 idle',
    figure: { bench: 'heap', contender: face },
    limit: { atMost: 600 },
  },
  {
    what: '16 callers over 10',
    figure: { bench: 'acquire-16', contender: face },
    per: { bench: 'acquire-16', contender: 'pg-pool' },
    limit: { atMost: 0.6 },
  },
  {
    what: 'bytes for that',
    figure: { bench: 'heap-16', contender: face },
    per: { bench: 'heap-16', contender: 'pg-pool' },
    limit: { atMost: 0.6 },
  },
  {
    what: 'hand-over among 30,000 waiters',
    figure: { bench: 'handover', contender: face },
    per: { bench: 'handover', contender: 'generic-pool' },
    limit: { atMost: 1 },
  },
  ...(['replace-10', 'replace-1000'] as const).map((bench) => ({
    what: `replacing a connection (${bench})`,
    figure: { bench, contender: face },
    limit: { atMost: 8000 },
  })),
  {
    what: 'replacing with 1,000 lent',
    figure: { bench: 'replace-1000', contender: face },
    per: { bench: 'replace-10', contender: face },
    limit: { atMost: 1.3 },
  },
  ...(
    [
      ['µs wall', 1.03],
      ['µs CPU', 1.05],
    ] as const
  ).map(([unit, atMost]) => ({
    what: `sequential queries, ${unit}`,
    figure: { bench: 'query-sequential' as const, contender: thaw, unit },
    per: { bench: 'query-sequential' as const, contender: 'held client', unit },
    limit: { atMost },
  })),
  ...(['query-key', 'query-join'] as const).flatMap((bench) =>
    (
      [
        ['µs wall', 'named, held client', { atMost: 1.05 }],
        ['µs CPU', 'named, held client', { atMost: 1.05 }],
        // No more than the named ones; the rest is what two runs of the same differ by.
        ['µs CPU of the server', 'named, held client', { atMost: 1.05 }],
        ['µs wall', 'postgres.js', { below: 1 }],
        ['µs CPU', 'postgres.js', { below: 1 }],
      ] as const
    ).map(([unit, peer, limit]) => ({
      what: `${bench}, ${unit}`,
      figure: { bench, contender: thaw, unit },
      per: { bench, contender: peer, unit },
      limit,
    })),
  ),
  {
    what: 'ten queries by key in a transaction',
    figure: { bench: 'transaction-key', contender: thaw, unit: 'µs wall' },
    per: { bench: 'transaction-key', contender: 'pg-pool', unit: 'µs wall' },
    limit: { atMost: 0.65 },
  },
  ...([50, 200] as const).flatMap((loops): Target[] =>
    (
      [
        [`queries/s, ${loops} loops`, { atLeast: 2.2 }],
        [`ms p99, ${loops} loops`, { atMost: 1 }],
      ] as const
    ).map(([unit, limit]) => ({
      what: `queries by key, max 10, ${unit}`,
      figure: { bench: 'throughput-key', contender: thaw, unit },
      per: { bench: 'throughput-key', contender: 'pg-pool', unit },
      limit,
    })),
  ),
  ...(
    [
      ['throughput-1', 9],
      ['throughput-4', 1.05],
      ['throughput-10', 1.05],
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
  ...[thaw, 'pg-thaw, none open'].map((contender) => ({
    what: `quick queries behind a slow one (${contender})`,
    figure: { bench: 'head-of-line' as const, contender },
    limit: { atMost: 0 },
  })),
  ...['4 reads', '20 reads', '4 writes'].flatMap((kind): Target[] => [
    {
      what: `a warm call on Lambda, ${kind} at once`,
      figure: { bench: 'lambda-call', contender: thaw, unit: `ms, ${kind}` },
      per: { bench: 'lambda-call', contender: 'pg-pool', unit: `ms, ${kind}` },
      limit: { atMost: 1 },
    },
    {
      what: 'connects for that',
      figure: { bench: 'lambda-call', contender: thaw, unit: `connects, ${kind}` },
      limit: { atMost: 0 },
    },
  ]),
  ...(
    [
      ['held client', 1.03],
      ['pg-pool', 1],
    ] as const
  ).map(([contender, atMost]) => warmCall('read', { contender, atMost })),
  ...[
    'two queries',
    'four at once',
    'twenty at once',
    'transaction',
    'two transactions at once',
    'ten transactions at once',
    'client held for three queries',
  ].flatMap((variant): Target[] => [
    warmCall(variant, { contender: 'pg-pool', atMost: 1.05 }),
    {
      what: 'connects for that',
      figure: { bench: 'warm-call', contender: thaw, unit: `connects, ${variant}` },
      limit: { atMost: 0 },
    },
  ]),
  {
    what: 'a warm call without a database, the runtime included',
    figure: { bench: 'warm-call', contender: thaw, unit: 'µs with the runtime, no database' },
    per: { bench: 'warm-call', contender: 'bare handler', unit: 'µs with the runtime, no database' },
    limit: { atMost: 1.01 },
  },
  ...(
    [
      ['a transaction of two statements, 2 ms away', 'warm-call', 'RTT, transaction', 3],
      ['a read after a freeze', 'thaw-call', 'RTT, a read', 1],
      ['a write after a freeze', 'thaw-call', 'RTT, a write', 2],
      ["a transaction's first row after a freeze", 'thaw-call', 'RTT, a transaction', 2],
      ['a read after its connection was ended', 'thaw-call', 'RTT beyond a connect, a read, ended meanwhile', 1],
    ] as const
  ).map(([what, bench, unit, roundTrips]) => ({
    what: `${what}: ${roundTrips} and what the machine takes`,
    figure: { bench, contender: thaw, unit },
    limit: { atMost: roundTrips + machineShare },
  })),
  {
    what: 'failed calls for that',
    figure: { bench: 'thaw-call', contender: thaw, unit: 'failed calls, a read, ended meanwhile' },
    limit: { atMost: 0 },
  },
  {
    what: 'a call after its flow was forgotten',
    figure: { bench: 'thaw-forgotten', contender: thaw },
    limit: { atMost: 250 },
  },
  {
    what: 'CPU to the first row of a cold start',
    figure: { bench: 'cold-start', contender: thaw, unit: 'ms CPU' },
    per: { bench: 'cold-start', contender: 'pg', unit: 'ms CPU' },
    limit: { atMost: 1.05 },
  },
  ...[thaw, 'pg-thaw, ESM'].map((contender) => ({
    what: `bytes added to a bundle (${contender})`,
    figure: { bench: 'bundle' as const, contender },
    limit: { atMost: 32_000 },
  })),
  {
    what: 'CPU to load it in a bundle',
    figure: { bench: 'load', contender: 'pg-thaw, in a bundle' },
    limit: { atMost: 2 },
  },
  { what: 'the wrapper, per call', figure: { bench: 'wrapper', contender: thaw }, limit: { below: 20 } },
  {
    what: 'the same with a pool',
    figure: { bench: 'wrapper', contender: 'pg-thaw, one pool' },
    limit: { below: 20 },
  },
  {
    what: 'calls of our functions by a warm query',
    figure: { bench: 'calls', contender: thaw, unit: 'calls' },
    limit: { atMost: 15 },
  },
  {
    what: 'files that these are in',
    figure: { bench: 'calls', contender: thaw, unit: 'files' },
    limit: { atMost: 6 },
  },
  ...(['listening-query', 'listening-call'] as const).map((bench) => ({
    what: `nobody listens (${bench})`,
    figure: { bench, contender: thaw, unit: '× compiled out' },
    limit: { atMost: 1.03 },
  })),
  {
    what: 'EMF, µs of CPU for each call',
    figure: { bench: 'listening-call', contender: 'pg-thaw, EMF', unit: 'µs CPU more than compiled out' },
    limit: { atMost: 20 },
  },
]

function warmCall(variant: string, { contender, atMost }: { contender: string; atMost: number }): Target {
  const unit = `µs, ${variant}`
  return {
    what: `a warm call, ${variant}`,
    figure: { bench: 'warm-call', contender: thaw, unit },
    per: { bench: 'warm-call', contender, unit },
    limit: { atMost },
  }
}

export function find(rows: readonly Row[], { bench, contender, unit }: Figure): Row | undefined {
  return rows.find((row) => row.bench === bench && row.contender === contender && row.unit === (unit ?? row.unit))
}

export function isMet(limit: Target['limit'], value: number): boolean {
  if ('atMost' in limit) return value <= limit.atMost
  if ('atLeast' in limit) return value >= limit.atLeast
  return value < limit.below
}
