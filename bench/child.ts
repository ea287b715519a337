import type { Bench, BenchName, Row, Surroundings } from './bench.js'
import { benches } from './benches.js'
import { measure, type Sample, type Subject } from './turns.js'

/** What a process of a bench is for, as its one argument in JSON. */
export interface Order {
  readonly asked: readonly BenchName[]
  readonly surroundings: Surroundings
  /** Whose process this is; missing where a bench has only one. */
  readonly entrant?: string
}

/** What such a process tells its parent. An entrant is ready once, and then answers each message by measuring a round. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'rows'; readonly rows: Row[] }

async function main(): Promise<void> {
  const order = JSON.parse(process.argv[2] ?? '') as Order
  const bench = benches.find(({ names }) => names.some((name) => order.asked.includes(name)))
  if (bench === undefined) throw new Error(`bug: no bench is called ${order.asked.join(' or ')}`)
  // When the parent is gone, nobody is interested any more. Nor is anybody in the timers that pools leave behind.
  process.on('disconnect', () => process.exit())
  if (bench.kind === 'inspection') return report({ kind: 'rows', rows: await bench.run(order.surroundings) })
  const subject = await openEntrant(bench, order)
  process.on('message', () => {
    measure(subject).then((sample) => report({ kind: 'sample', sample }), fail)
  })
  report({ kind: 'ready' })
}

function openEntrant(bench: Bench & { kind: 'contest' }, order: Order): Promise<Subject> {
  const entrant = bench.entrants(order.asked, order.surroundings).find(({ name }) => name === order.entrant)
  if (entrant === undefined) throw new Error(`bug: no entrant is called ${order.entrant}`)
  return entrant.open()
}

function report(message: Report): void {
  process.send?.(message)
}

function fail(error: unknown): void {
  console.error(error)
  process.exit(1)
}

main().catch(fail)
