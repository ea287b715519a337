import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { CompiledTemplate } from './compiled-template'

const osls = createRequire(import.meta.url).resolve('serverless/bin/serverless.js')

/** What a command of the framework came to. */
export interface CommandResult {
  readonly code: number
  /** Both outputs, as somebody at a terminal sees them. */
  readonly text: string
}

/** A service in a folder of its own, with the plugin in `dist/` as it is built. */
export interface Service {
  readonly directory: string
  /** Runs osls in the folder, with no credentials and no home. */
  run(...args: string[]): Promise<CommandResult>
  /** Replaces text in one of its files; throws if it is not there. */
  edit(file: string, from: string, to: string): void
  /** The template that the last packaging compiled. */
  template(): CompiledTemplate
  dispose(): void
}

/** A service made of the given files. */
export function createService(files: Readonly<Record<string, string>>): Service {
  const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-service-'))
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(directory, file)), { recursive: true })
    writeFileSync(join(directory, file), text)
  }
  for (const [file, text] of Object.entries(files)) write(file, text)
  for (const part of ['serverless', 'goodbye.mjs', 'handler.mjs']) {
    cpSync(join('dist', part), join(directory, 'dist', part), { recursive: true })
  }
  return {
    directory,
    run: (...args) => runNode([osls, ...args], directory),
    edit(file, from, to) {
      const text = readFileSync(join(directory, file), 'utf8')
      if (!text.includes(from)) throw new Error(`no "${from}" in ${file}`)
      write(file, text.replace(from, to))
    },
    template() {
      const path = join(directory, '.serverless', 'cloudformation-template-update-stack.json')
      return JSON.parse(readFileSync(path, 'utf8'))
    },
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** The example service of this repository, without its code: the bundles are stand-ins. */
export function createExampleService(): Service {
  const names = ['orders', 'fulfil-orders', 'daily-report', 'migrate']
  const service = createService({
    'serverless.yml': readFileSync('serverless.yml', 'utf8'),
    ...Object.fromEntries(names.map((name) => [`build/functions/${name}.js`, 'exports.handler = async () => {}\n'])),
  })
  cpSync('infra/resources', join(service.directory, 'infra/resources'), { recursive: true })
  return service
}

/** Runs a program with nothing in its environment that leads to an account, but what it is given. */
export function runNode(
  args: readonly string[],
  cwd = resolve('.'),
  more: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const env = {
    PATH: process.env.PATH,
    HOME: join(cwd, 'home'),
    AWS_EC2_METADATA_DISABLED: 'true',
    SLS_NOTIFICATIONS_MODE: 'off',
    // What it makes of its schema of a configuration takes it 3 s, and is the same in each home.
    SLS_SCHEMA_CACHE_BASE_DIR: resolve('build'),
    ...more,
  }
  return new Promise((settle) => {
    execFile(process.execPath, [...args], { cwd, env, timeout: 100_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      settle({ code, text: stdout + stderr })
    })
  })
}
