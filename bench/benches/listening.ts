import { readFile } from 'node:fs/promises'
import type { Plugin } from 'esbuild'
import type { BenchName, Inspection, Row } from '../bench.js'
import { type CompiledProgram, compiled } from '../compiled.js'
import { databaseOf } from '../surroundings.js'
import { measure, median, type Sample, type Turns, takeTurns } from '../turns.js'

type Variant = typeof import('../listening/variant.js')

/** Short rounds and many of them, so that a busy moment of the machine meets all and not one. */
const withServer = { times: 20, turns: { warmups: 10, turns: 61 } }
const withoutNetwork = { times: 500, turns: { warmups: 20, turns: 201 } }

const ours = 'pg-thaw'
const without = 'pg-thaw, compiled out'
/** What two builds of the same differ by. */
const again = `${without}, again`
const metrics = 'pg-thaw, EMF'

/** What channels cost whom nobody listens to, against a build that has none; and what EMF costs a call. */
export const listeningQuery = listening('listening-query', 'query')
export const listeningCall = listening('listening-call', 'call')

/**
 * All in one process, unlike other benches: a query takes up to twice the CPU time where the system moves a process and its server to
 * another core, and what is looked for is a thousandth of that. For the same reason once more without a network, where all that is left
 * is ours.
 */
function listening(bench: BenchName, doing: 'query' | 'call'): Inspection {
  return {
    kind: 'inspection',
    names: [bench],
    needs: 'database',
    nodeFlags: [],
    onlyWhenAsked: true,
    async run(surroundings) {
      const { root } = surroundings
      await using usual = await build(root, ours)
      await using silent = await build(root, without)
      await using twin = await build(root, again)
      // Read when pools and the manager are made: from here on this is Lambda, where nobody asks outside of a call.
      if (doing === 'call') process.env.AWS_LAMBDA_FUNCTION_NAME = 'bench'
      const places = [
        { place: '', database: databaseOf(surroundings), ...withServer },
        { place: ', no network', database: undefined, ...withoutNetwork },
      ].map((it) => ({
        ...it,
        rounds: [usual, silent, twin].map((program) => repeated(load(program)[doing](it.database), it.times)),
      }))
      const rows: Row[] = []
      for (const { place, ...it } of places) {
        const micros = await measured([ours, without, again], it)
        rows.push(...absolute(bench, micros, place), ...ratios(bench, micros, place))
      }
      if (doing === 'query') return rows
      // Heard by all of this process, but nobody else tells anything.
      load(usual).emf({ always: true })
      for (const { place, ...it } of places) {
        rows.push(...differences(bench, await measured([metrics, without], it), place))
      }
      return rows
    },
  }
}

interface Rounds {
  readonly rounds: readonly Round[]
  readonly times: number
  readonly turns: Turns
}

/** The CPU time of one, of each in each turn, µs. */
async function measured(names: readonly string[], { rounds, times, turns }: Rounds): Promise<Micros> {
  const taking = rounds.flatMap((round, at) => (names[at] ? [[names[at], round] as const] : []))
  const samples = await takeTurns(new Map(taking), turns)
  return new Map([...samples].map(([name, all]) => [name, all.map(({ cpuMicros }) => cpuMicros / times)]))
}

function load({ file }: CompiledProgram): Variant {
  return require(file)
}

type Round = () => Promise<Sample>

function repeated(once: () => Promise<unknown>, times: number): Round {
  const round = async (count: number) => {
    for (let i = 0; i < count; i++) await once()
  }
  return () => measure({ prepare: () => round(times / 2), run: () => round(times) })
}

type Micros = ReadonlyMap<string, readonly number[]>

function absolute(bench: BenchName, micros: Micros, place: string): Row[] {
  return [...micros].map(([contender, own]) => ({ bench, contender, value: median(own), unit: `µs CPU${place}` }))
}

function ratios(bench: BenchName, micros: Micros, place: string): Row[] {
  const unit = `× compiled out${place}`
  return [ours, again].flatMap((contender) =>
    spread(
      bench,
      contender,
      unit,
      paired(micros, contender, (a, b) => a / b),
    ),
  )
}

function differences(bench: BenchName, micros: Micros, place: string): Row[] {
  return spread(
    bench,
    metrics,
    `µs CPU more than compiled out${place}`,
    paired(micros, metrics, (a, b) => a - b),
  )
}

/** Turn by turn, so that what the machine did meanwhile met both. */
function paired(micros: Micros, contender: string, compare: (own: number, base: number) => number): number[] {
  const base = micros.get(without) ?? []
  return (micros.get(contender) ?? []).map((own, turn) => compare(own, base[turn] ?? Number.NaN))
}

function spread(bench: BenchName, contender: string, unit: string, values: readonly number[]): Row[] {
  const sorted = values.toSorted((one, other) => one - other)
  const quantile = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN
  return [
    { bench, contender, value: quantile(0.5), unit },
    { bench, contender, value: quantile(0.25), unit: `${unit}, lower quartile` },
    { bench, contender, value: quantile(0.75), unit: `${unit}, upper quartile` },
  ]
}

function build(root: string, name: string): Promise<CompiledProgram> {
  return compiled(root, 'listening/variant.ts', { minifySyntax: true, plugins: [variantOf(name)] })
}

/**
 * Each variant has a registry to itself, as if it were alone. In those without channels each look at one becomes `false`, and what would be
 * told falls away.
 */
function variantOf(name: string): Plugin {
  return {
    name,
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8')
        const alone = text.replace(/(?<=Symbol\.for\(')(?=pg-thaw)/g, `${name}: `)
        const contents = name === ours ? alone : alone.replace(/[\w.?#]+\.hasSubscribers\b/g, 'false')
        return { loader: 'ts', contents }
      })
    },
  }
}
