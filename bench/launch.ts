import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Bench, Row } from './bench.js'
import type { Order } from './child.js'

/** The benches, compiled as the package is: what runs them directly would put helpers into the hot path. */
export interface Program {
  /** Runs one bench in a process of its own. */
  run(bench: Bench, order: Order, signal: AbortSignal): Promise<Row[]>
  [Symbol.asyncDispose](): Promise<void>
}

const longestMillis = 120_000

export async function compile(root: string): Promise<Program> {
  // Beneath node_modules, so that the peers are found.
  const cache = join(root, 'node_modules', '.cache')
  await mkdir(cache, { recursive: true })
  const directory = await mkdtemp(join(cache, 'pg-thaw-bench-'))
  const file = join(directory, 'child.js')
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    await build({
      entryPoints: [join(root, 'bench', 'child.ts')],
      outfile: file,
      bundle: true,
      platform: 'node',
      target: 'node20.19',
      format: 'cjs',
      packages: 'external',
      alias: { 'pg-thaw': join(root, 'src', 'index.ts') },
      logLevel: 'warning',
    })
  } catch (error) {
    await remove()
    throw error
  }
  return {
    run: (bench, order, signal) => run(file, bench, order, signal),
    [Symbol.asyncDispose]: remove,
  }
}

async function run(file: string, bench: Bench, order: Order, signal: AbortSignal): Promise<Row[]> {
  const child = fork(file, [JSON.stringify(order)], {
    execArgv: ['--expose-gc', ...bench.nodeFlags],
    // Progress is told by the parent alone; what goes wrong is seen.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(longestMillis)]),
  })
  let rows: Row[] | undefined
  child.on('message', (message) => {
    rows = message as Row[]
  })
  const [code, reason] = await once(child, 'exit')
  if (rows === undefined) throw new Error(`${bench.names.join(', ')}: failed (${reason ?? `exit code ${code}`})`)
  return rows
}
