import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { shell } from './shell'

const run = promisify(execFile)

/** One compilation: the options of a project, and its files. */
export interface Compilation {
  readonly name: string
  readonly compilerOptions: Readonly<Record<string, unknown>>
  readonly files: readonly string[]
}

/** What a compiler said of one file. */
export interface Complaint {
  /** Which compilation. */
  readonly name: string
  /** Relative to the project; empty where it is about the options. */
  readonly file: string
  readonly text: string
}

const folder = resolve('build', 'compilers')

/** A version of TypeScript, which is installed when it is first asked for; `latest` is asked for anew each time. */
export class Compiler {
  readonly version: string
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
    this.version = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')).version
  }

  static async install(version: string): Promise<Compiler> {
    const prefix = join(folder, version)
    const directory = join(prefix, 'node_modules', 'typescript')
    if (version === 'latest' || !existsSync(directory)) {
      mkdirSync(prefix, { recursive: true })
      // Without one, npm would take the package around it for its own.
      writeFileSync(join(prefix, 'package.json'), '{ "private": true }\n')
      await shell(`npm install --no-save --no-package-lock --no-audit --no-fund typescript@${version}`, {}, prefix)
    }
    return new Compiler(directory)
  }

  get major(): number {
    return Number.parseInt(this.version, 10)
  }

  /** All in one process where there is an API: up to 6. */
  async compile(project: string, compilations: readonly Compilation[]): Promise<Complaint[]> {
    for (const { name, compilerOptions, files } of compilations) {
      writeFileSync(join(project, `tsconfig.${name}.json`), JSON.stringify({ compilerOptions, files }))
    }
    const names = compilations.map(({ name }) => name)
    if (this.major < 7) {
      const program = resolve('test', 'deploy', 'support', 'compile.cjs')
      const api = createRequire(join(this.#directory, 'package.json')).resolve('typescript')
      const { stdout } = await run(process.execPath, [program, api, project, ...names], { maxBuffer: 1 << 24 })
      return JSON.parse(stdout)
    }
    const all: Complaint[] = []
    const tsc = join(this.#directory, 'bin', 'tsc')
    for (const name of names) all.push(...complaintsIn(await said(tsc, project, name), name))
    return all
  }
}

async function said(tsc: string, cwd: string, name: string): Promise<string> {
  const args = [tsc, '-p', `tsconfig.${name}.json`, '--pretty', 'false']
  const { stdout } = await run(process.execPath, args, { cwd }).catch((error: unknown) => {
    if (error instanceof Error && 'stdout' in error) return { stdout: String(error.stdout) }
    throw error
  })
  return stdout
}

/** Of several lines about one thing the first. */
function complaintsIn(text: string, name: string): Complaint[] {
  const lines = text.split('\n').filter((line) => /^\S.*error TS/.test(line))
  return lines.map((line) => {
    const [, file = '', rest = line] = /^(.+?)\(\d+,\d+\): (.*)$/.exec(line) ?? []
    return { name, file, text: rest }
  })
}
