import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseAddress } from './bench.js'
import { bundleOf } from './benches/bundle.js'
import type { Told } from './functions/acting.js'

/** The functions of bench/functions, by contender. */
const contenders = ['pg-thaw', 'pg-pool', 'held-client'] as const

export type FunctionName = (typeof contenders)[number]

/** The functions, bundled and minified as users deploy them. */
export interface BundledFunctions {
  moduleOf(name: FunctionName): string
  [Symbol.asyncDispose](): Promise<void>
}

export async function bundleFunctions(root: string): Promise<BundledFunctions> {
  const folder = await mkdtemp(join(tmpdir(), 'pg-thaw-functions-'))
  const moduleOf = (name: FunctionName) => join(folder, `${name}.cjs`)
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    for (const name of contenders) {
      const contents = `export { handler } from './bench/functions/${name}.ts'`
      await writeFile(moduleOf(name), await bundleOf(root, 'cjs', contents))
    }
  } catch (error) {
    await remove()
    throw error
  }
  return { moduleOf, [Symbol.asyncDispose]: remove }
}

/** The local Lambda, from the built package: its environments are processes of their own, which need the files beside it. */
export function loadTesting(root: string): typeof import('pg-thaw/testing') {
  return require(join(root, 'dist', 'testing', 'index.js'))
}

/** Where a function finds the database, and what its sessions are called there. */
export function variablesOf(address: DatabaseAddress, sessions = 'bench'): Record<string, string> {
  const { host, port, user, password, database } = address
  return {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
    PGAPPNAME: sessions,
  }
}

/** Calls that come first: the environment is cold, and then learns what it needs again. */
export const firstCalls = 4

/** Connects of a call, of all calls but the first ones, on average. */
export function connectsOfACall(told: readonly Told[]): number {
  const [before, after] = [told[firstCalls - 1], told.at(-1)]
  if (before === undefined || after === undefined) throw new Error('bug: nothing was called')
  return (after.connects - before.connects) / (told.length - firstCalls)
}
