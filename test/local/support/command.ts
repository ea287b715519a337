import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const program = resolve('dist/cli.js')

/** What a command came to. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess
  /** All that it has written. */
  output(): string
  /** Resolves with the address of the page; rejects when it ends before it has said that. */
  url(): Promise<string>
  /** Interrupts it as Ctrl-C does, and resolves when it has ended. */
  interrupt(): Promise<Ended>
}

/** A user's project with a handler or two, which has pg-thaw and pg as packages; the program is run in it. */
export class UsersProject {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'pg-thaw-cli-')))
  readonly #children = new Set<ChildProcess>()

  constructor(files: Readonly<Record<string, string>>) {
    this.link('pg-thaw', resolve('.'))
    this.link('pg')
    this.write('package.json', '{ "name": "shop", "private": true }')
    for (const [path, text] of Object.entries(files)) this.write(path, text)
  }

  write(path: string, text: string): void {
    const file = join(this.directory, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }

  link(name: string, target = resolve('node_modules', name)): void {
    const link = join(this.directory, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(target, link)
  }

  start(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Running {
    const { PATH, HOME } = process.env
    const env = { PATH, HOME, ...variables }
    const child = spawn(process.execPath, [program, ...args], { cwd: this.directory, env, stdio: 'pipe' })
    this.#children.add(child)
    const said = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => {
      said.stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      said.stderr += chunk
    })
    const ended = once(child, 'close').then(([status]) => {
      this.#children.delete(child)
      return { status, ...said }
    })
    return {
      child,
      output: () => said.stdout + said.stderr,
      url: () => addressIn(child, () => said.stdout + said.stderr),
      interrupt() {
        child.kill('SIGINT')
        return ended
      },
    }
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const running = this.start(args, variables)
    const [status] = await once(running.child, 'close')
    const { stdout, stderr } = await running.interrupt()
    return { status, stdout, stderr }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = [...this.#children].map((child) => once(child, 'close'))
    for (const child of this.#children) child.kill('SIGKILL')
    await Promise.all(ends)
    rmSync(this.directory, { recursive: true, force: true })
  }
}

function addressIn(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const [url] = /http:\/\/localhost:\d+/.exec(output()) ?? []
      if (url !== undefined) resolve(url)
    }
    child.stdout?.on('data', look)
    child.once('close', () => reject(new Error(`It ended before it said where it is: ${output()}`)))
    look()
  })
}
