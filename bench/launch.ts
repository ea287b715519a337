import { type ChildProcess, fork } from 'node:child_process'
import { once, setMaxListeners } from 'node:events'
import type { Bench, Row } from './bench.js'
import type { Order, Report } from './child.js'
import { compiled } from './compiled.js'
import { type Sample, takeTurns } from './turns.js'

/** The benches, compiled. */
export interface Program {
  /** Runs one bench, in processes of its own. */
  run(bench: Bench, order: Order, signal: AbortSignal): Promise<Row[]>
  [Symbol.asyncDispose](): Promise<void>
}

const longestMillis = 120_000

export async function compile(root: string): Promise<Program> {
  const { file, [Symbol.asyncDispose]: remove } = await compiled(root, 'child.ts')
  return {
    run: (bench, order, signal) => run(file, bench, order, signal),
    [Symbol.asyncDispose]: remove,
  }
}

async function run(file: string, bench: Bench, order: Order, signal: AbortSignal): Promise<Row[]> {
  const flags = bench.nodeFlags
  // Whatever happens, no process is left.
  const over = new AbortController()
  const until = AbortSignal.any([over.signal, signal, AbortSignal.timeout(longestMillis)])
  // Each process listens.
  setMaxListeners(0, until)
  try {
    if (bench.kind === 'inspection') {
      const { rows } = await nextReport(start(file, order, flags, until), 'rows')
      return rows
    }
    const rounds = new Map<string, () => Promise<Sample>>()
    for (const { name } of bench.entrants(order.asked, order.surroundings)) {
      const child = start(file, { ...order, entrant: name }, flags, until)
      await nextReport(child, 'ready')
      rounds.set(name, async () => {
        child.send('round')
        const { sample } = await nextReport(child, 'sample')
        return sample
      })
    }
    return bench.rows(order.asked, await takeTurns(rounds, bench.turns))
  } finally {
    over.abort()
  }
}

function start(file: string, order: Order, flags: readonly string[], signal: AbortSignal): ChildProcess {
  const child = fork(file, [JSON.stringify(order)], {
    execArgv: ['--expose-gc', ...flags],
    // Progress is told by the parent alone; what goes wrong is seen.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    signal,
  })
  // Its end is heard of where something is expected from it.
  child.on('error', () => {})
  return child
}

async function nextReport<K extends Report['kind']>(child: ChildProcess, kind: K): Promise<Report & { kind: K }> {
  const silenced = new AbortController()
  const { signal } = silenced
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([message]) => {
        if (!isReport(message, kind)) throw new Error(`bug: a bench reported something else than ${kind}`)
        return message
      }),
      once(child, 'exit', { signal }).then(([code, reason]): never => {
        throw new Error(`a process of the bench failed (${reason ?? `exit code ${code}`})`)
      }),
    ])
  } finally {
    silenced.abort()
  }
}

function isReport<K extends Report['kind']>(message: unknown, kind: K): message is Report & { kind: K } {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === kind
}
