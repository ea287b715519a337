import type { BenchName, Row, Surroundings } from './bench.js'
import { benches } from './benches.js'

/** What the process of a bench is asked, as its one argument in JSON. */
export interface Order {
  readonly asked: readonly BenchName[]
  readonly surroundings: Surroundings
}

/** Runs one bench and sends its rows to the parent. */
async function main(): Promise<void> {
  const { asked, surroundings } = JSON.parse(process.argv[2] ?? '') as Order
  const bench = benches.find(({ names }) => names.some((name) => asked.includes(name)))
  if (bench === undefined) throw new Error(`bug: no bench is called ${asked.join(' or ')}`)
  const rows = await bench.run(asked, surroundings)
  // Pools without an end of their own leave timers; nothing of them is worth waiting for.
  process.send?.(rows.map(rounded), () => process.exit())
}

/** To more digits than any of them is good for. */
function rounded(row: Row): Row {
  return { ...row, value: Number(row.value.toPrecision(6)) }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
