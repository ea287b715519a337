import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type Relay, type RelayOptions, startRelay } from 'pg-thaw/testing'
import { expect } from 'vitest'
import type { TestDatabase } from '../../support/database'
import { within } from '../../support/within'

/** What a request came to. */
export interface Answer {
  readonly status: number
  /** Empty where it is none of the program's own. */
  readonly body: { readonly pid?: number; readonly lease?: string; readonly lent?: number; readonly code?: string }
}

/** A program that serves HTTP in a process of its own, and reaches the database through a relay that freezes with it. */
export class HttpProgram {
  readonly #child: ChildProcess
  readonly #relay: Relay
  readonly #said: string[] = []
  #port = 0

  private constructor(child: ChildProcess, relay: Relay) {
    this.#child = child
    this.#relay = relay
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => this.#said.push(String(data)))
  }

  /**
   * Starts a program of Node.js with these variables and none of this process; it has to say its port, unless that is given.
   *
   * @param freezeModel What the network does while it is frozen.
   */
  static async start(
    args: readonly string[],
    database: TestDatabase,
    env: Record<string, string>,
    { freezeModel = 'process', port }: Pick<RelayOptions, 'freezeModel'> & { port?: number } = {},
  ): Promise<HttpProgram> {
    const { host, port: databasePort, user, password, database: PGDATABASE } = database.config
    const relay = await startRelay({ host, port: databasePort, freezeModel })
    const { PATH = '' } = process.env
    const at = { PGHOST: relay.host, PGPORT: String(relay.port), PGUSER: user, PGPASSWORD: password, PGDATABASE }
    const child = spawn(process.execPath, args, { env: { PATH, ...at, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const program = new HttpProgram(child, relay)
    await program.#untilListening(port)
    return program
  }

  /** What it has printed. */
  get said(): string {
    return this.#said.join('')
  }

  /** Sockets to the database. */
  get connections(): number {
    return this.#relay.openServerSides
  }

  async get(path = '/'): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.#port}${path}`, { headers: { connection: 'close' } })
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : {} }
  }

  /** Freezes it; what the network does meanwhile begins then. */
  async freeze(): Promise<void> {
    this.#child.kill('SIGSTOP')
    await expect.poll(() => stateOf(this.#child.pid), { timeout: 5000, interval: 5 }).toBe('T')
    this.#relay.freeze()
  }

  thaw(): void {
    this.#relay.thaw()
    this.#child.kill('SIGCONT')
  }

  /** Asks it to end, and waits for that. */
  async terminate(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await within(10_000, exited, 'its end')
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit')
      this.#child.kill('SIGKILL')
      await exited
    }
    await this.#relay.close()
  }

  async #untilListening(port: number | undefined): Promise<void> {
    const isListening = async () => {
      if (this.#child.exitCode !== null) throw new Error(`it ended: ${this.said}`)
      this.#port = port ?? Number(/^\d+$/m.exec(this.said)?.[0] ?? 0)
      return (
        this.#port > 0 &&
        (await fetch(`http://127.0.0.1:${this.#port}/none`).then(
          (it) => it.text(),
          () => '',
        )) !== ''
      )
    }
    await expect.poll(isListening, { timeout: 15_000 }).toBe(true)
  }
}

function stateOf(pid: number | undefined): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2)[0]
}
