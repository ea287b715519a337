import { execFile } from 'node:child_process'
import { relative } from 'node:path'
import { promisify } from 'node:util'
import type { DatabaseAddress } from '../bench.js'
import { compiled } from '../compiled.js'

const run = promisify(execFile)

/** One of our functions, as a warm query passes it. */
export interface CountedFunction {
  /** As V8 calls it: `<instance_members_initializer>` sets the fields of a class. */
  readonly name: string
  /** The source file. */
  readonly file: string
  readonly line: number
  /** How often each query enters it. An async function or a generator is entered anew each time it goes on. */
  readonly calls: number
}

/** What a warm query passes, there and back. */
export interface CallCount {
  readonly calls: number
  /** How many source files these functions are in. */
  readonly files: number
  /** In the order of their files. */
  readonly functions: readonly CountedFunction[]
}

/** What the process that counts is told, as its one argument in JSON. */
export interface CountingOrder {
  /** The folder of what is ours. */
  readonly sources: string
  readonly database: DatabaseAddress
  /** Missing: the default. */
  readonly max: number | undefined
}

/** Counts the calls of functions of src/ that one warm `pool.query('SELECT 1')` makes. */
export async function countCalls(root: string, database: DatabaseAddress, max?: number): Promise<CallCount> {
  await using program = await compiled(root, 'calls/program.ts')
  const order: CountingOrder = { sources: `${root}/src/`, database, max }
  const { stdout } = await run(process.execPath, [program.file, JSON.stringify(order)], { timeout: 60_000 })
  const functions = (JSON.parse(stdout) as CountedFunction[])
    .map((it) => ({ ...it, file: relative(root, it.file) }))
    .sort((one, other) => one.file.localeCompare(other.file) || one.line - other.line)
  return {
    calls: functions.reduce((sum, { calls }) => sum + calls, 0),
    files: new Set(functions.map(({ file }) => file)).size,
    functions,
  }
}

/** One line for each function, and one for all of them. */
export function listOf({ calls, files, functions }: CallCount): string {
  const lines = functions.map((it) => `${String(it.calls).padStart(3)}  ${it.name}  (${it.file}:${it.line})`)
  return [`${calls} calls in ${files} files:`, ...lines].join('\n')
}
