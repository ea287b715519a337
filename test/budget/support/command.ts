import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

/** What `--json` prints. */
export interface Summary {
  readonly fits: boolean | null
  readonly needed: number
  readonly allowed: number
  readonly leftBehind: number
  readonly functions: readonly { readonly name: string; readonly max: number; readonly sessions: number }[]
  readonly leftOut: readonly string[]
  readonly changes: readonly string[]
  readonly questions: readonly { readonly kind: string; readonly message: string }[]
}

/** What it is run with. */
interface Setting {
  readonly input?: string | Buffer
  readonly cwd?: string
}

/** Runs `pg-thaw budget` as it is built. */
export function budget(args: readonly string[], setting: Setting = {}) {
  return pgThaw(['budget', ...args], setting)
}

/** Runs the program as it is built. */
export function pgThaw(args: readonly string[], { input = '', cwd = resolve('.') }: Setting = {}) {
  const program = resolve('dist', 'cli.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', input, cwd })
  return { status, stdout, stderr, json: (): Summary => JSON.parse(stdout) }
}
