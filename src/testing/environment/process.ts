import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'

/** Lines of stderr that are kept to explain a crash. */
const keptLines = 20

/** How a process ended. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** What a process is started with. */
export interface ProcessOptions {
  command: string
  args: readonly string[]
  env: Record<string, string>
  cwd: string
  onLine: (stream: 'stdout' | 'stderr', text: string) => void
}

/** The one process of an environment, and the signals that freeze, thaw and end it. */
export class EnvironmentProcess {
  /** -1 when it could not be started. */
  readonly pid: number
  /** Settles when the process has ended and its output is read; never rejects. */
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  readonly #lastErrors: string[] = []
  #hasExited = false

  constructor(options: ProcessOptions) {
    this.#child = spawn(options.command, options.args, {
      env: options.env,
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that freeze and kill also reach whatever the function starts.
      detached: true,
    })
    this.pid = this.#child.pid ?? -1
    this.#read(this.#child.stdout, (text) => options.onLine('stdout', text))
    this.#read(this.#child.stderr, (text) => {
      this.#lastErrors.push(text)
      if (this.#lastErrors.length > keptLines) this.#lastErrors.shift()
      options.onLine('stderr', text)
    })
    this.exited = new Promise((resolve) => {
      // 'exit' may come before the last output, 'close' comes after it, and neither after a failure to start.
      this.#child.once('exit', () => {
        this.#signal('SIGKILL')
        this.#hasExited = true
      })
      this.#child.once('close', (code, signal) => resolve({ code, signal }))
      this.#child.once('error', (error) => {
        this.#hasExited = true
        this.#lastErrors.push(String(error))
        resolve({ code: null, signal: null })
      })
    })
  }

  /** The last lines the process wrote to stderr. */
  get lastErrors(): readonly string[] {
    return this.#lastErrors
  }

  /** Stops the process; resolves when it has stopped, and what it had sent before is there to be read. */
  async freeze(): Promise<void> {
    this.#signal('SIGSTOP')
    // The signal is delivered soon, not at once. Only Linux tells when; elsewhere the turns below have to do.
    while (!this.#hasExited && (await this.#isRunning())) await turn()
    for (let turns = 0; turns < 2; turns++) await turn()
  }

  thaw(): void {
    this.#signal('SIGCONT')
  }

  terminate(): void {
    this.#signal('SIGTERM')
  }

  kill(): void {
    this.#signal('SIGKILL')
  }

  async #isRunning(): Promise<boolean> {
    const stat = await readFile(`/proc/${this.pid}/stat`, 'latin1').catch(() => '')
    // The name in parentheses may contain anything; the state is the word behind the last one.
    const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
    return stat !== '' && state !== 'T' && state !== 'Z' && state !== 'X'
  }

  #signal(signal: NodeJS.Signals): void {
    // The number of a process that has ended may be another's by now.
    if (this.#hasExited || this.pid === -1) return
    try {
      process.kill(-this.pid, signal)
    } catch {
      // Nobody is left in the group.
    }
  }

  #read(stream: Readable | null, onLine: (text: string) => void): void {
    if (stream !== null) createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine)
  }
}
