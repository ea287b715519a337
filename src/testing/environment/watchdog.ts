import { type ChildProcess, spawn } from 'node:child_process'

/** Remembers the newest line, and kills the process groups it names when its standard input ends. */
const script = `trap '' HUP INT TERM
pids=
while read -r line; do pids=$line; done
[ -z "$pids" ] || kill -s KILL -- $pids 2>/dev/null`

/**
 * Sees to it that no environment outlives this process, however it ends. A frozen process can't notice anything, so
 * somebody awake has to: a shell that reads a pipe of this process, whose end the kernel closes even on SIGKILL.
 */
export class Watchdog {
  readonly #shell: ChildProcess
  readonly #pids = new Set<number>()

  constructor() {
    // Detached: a signal to this process's group must not take the watchdog along.
    this.#shell = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    // Without a shell environments still end with close(), only not with a crash of this process.
    this.#shell.on('error', () => {})
    this.#shell.stdin?.on('error', () => {})
    this.#shell.unref()
    unref(this.#shell.stdin)
  }

  watch(pid: number): void {
    this.#pids.add(pid)
    this.#tell()
  }

  /** The process has ended: its number may soon be another's. */
  forget(pid: number): void {
    this.#pids.delete(pid)
    this.#tell()
  }

  /** Ends the watchdog, and with it whatever it still watches. Idempotent. */
  async close(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null || this.#shell.pid === undefined) return
    const ended = new Promise<void>((resolve) => this.#shell.once('exit', () => resolve()))
    this.#shell.ref()
    this.#shell.stdin?.end()
    await ended
  }

  #tell(): void {
    if (this.#shell.stdin?.writable) this.#shell.stdin.write(`${[...this.#pids].map((pid) => -pid).join(' ')}\n`)
  }
}

/** The stream is a socket, though its type does not say so. */
function unref(stream: unknown): void {
  if (stream instanceof Object && 'unref' in stream && typeof stream.unref === 'function') stream.unref()
}
