import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe } from 'vitest'
import { guardedDirectory } from '../../scripts/postgres-server-guard'
import { serverUser } from '../../scripts/postgres-server-user'
import type { DatabaseConfig } from './database'
import { describeUnless } from './requirements'

/** A PgBouncer in transaction mode on 127.0.0.1, in front of one database. */
export interface PgBouncer {
  /** What `new pg.Client()` takes to reach the database through it. */
  readonly config: DatabaseConfig
  /** Ends it, with all that goes through it, and starts it again on the same port. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** How a PgBouncer is set up. */
export interface PgBouncerOptions {
  /** Sessions that it keeps at the server. Default 2. */
  readonly poolSize?: number
  /** Clients that it takes. Default 200. */
  readonly maxClients?: number
  /** Prepared statements that it keeps for its clients, from 1.21 on. Default 0. */
  readonly preparedStatements?: number
  /** Whether it passes over startup options instead of refusing them, as some are told to for the sake of a driver. Default false. */
  readonly ignoresOptions?: boolean
}

/** Debian puts it where only root looks. */
const path = `${process.env.PATH}:/usr/sbin`
const bindAttempts = 10

/** The first 1.x that keeps prepared statements for its clients. */
const keepsStatementsSince = 21

/** From then on SIGTERM waits for the clients to leave. */
const hasteBySigquitSince = 23

/** The tests of `describe`, where PgBouncer is installed. */
export function describeWithPgBouncer(name: string, tests: () => void): void {
  const minor = installedMinor()
  describeUnless(typeof minor === 'string' ? minor : undefined, name, tests)
}

/** Those of what an older one can't do. A system may have no newer one, so these are left out everywhere, and the output says so. */
export function describeWithStatementsInPgBouncer(name: string, tests: () => void): void {
  const minor = installedMinor()
  if (typeof minor === 'string' || minor >= keepsStatementsSince) return describeWithPgBouncer(name, tests)
  describe.skip(name, tests)
  process.stderr.write(`SKIPPED: ${name}: needs PgBouncer 1.${keepsStatementsSince}, found 1.${minor}\n`)
}

/** The y of 1.y, or why there is none. */
function installedMinor(): number | string {
  try {
    const text = execFileSync('pgbouncer', ['--version'], { env: { PATH: path }, encoding: 'utf8' })
    return Number(/^PgBouncer 1\.(\d+)/m.exec(text)?.[1])
  } catch (error) {
    return `PgBouncer is not installed: ${(error as Error).message}`
  }
}

/** Starts one. It goes away with {@link PgBouncer.close}, or with this process. */
export async function startPgBouncer(
  target: DatabaseConfig,
  { poolSize = 2, maxClients = 200, preparedStatements = 0, ignoresOptions = false }: PgBouncerOptions = {},
): Promise<PgBouncer> {
  // Like the server, it refuses to run as root.
  const user = await serverUser()
  const directory = await guardedDirectory('pg-thaw-pgbouncer-', user)
  const write = async (name: string, text: string) => {
    const file = join(directory.path, name)
    await writeFile(file, text)
    await chmod(file, 0o644)
    return file
  }
  const users = await write('users.txt', `"${target.user}" "${target.password}"\n`)
  const run = async (port: number): Promise<ChildProcess> => {
    const settings = await write(
      'pgbouncer.ini',
      settingsOf(target, { port, users, poolSize, maxClients, preparedStatements, ignoresOptions }),
    )
    const child = spawn('pgbouncer', [settings], {
      ...user.ids,
      cwd: directory.path,
      env: { PATH: path },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    })
    directory.watch(child.pid)
    await ready(child)
    child.unref()
    return child
  }
  const runAnywhere = async () => {
    for (let attempt = 1; ; attempt++) {
      const port = await freePort()
      try {
        return { port, child: await run(port) }
      } catch (error) {
        if (attempt === bindAttempts) throw error
      }
    }
  }
  try {
    const { port, ...first } = await runAnywhere()
    let child = first.child
    return {
      config: { ...target, host: '127.0.0.1', port },
      restart: async () => {
        await end(child)
        child = await run(port)
      },
      close: async () => {
        await end(child)
        await directory.remove()
      },
    }
  } catch (error) {
    await directory.remove()
    throw error
  }
}

function settingsOf(target: DatabaseConfig, own: Required<PgBouncerOptions> & { port: number; users: string }): string {
  const keepsStatements = Number(installedMinor()) >= keepsStatementsSince
  return `[databases]
${target.database} = host=${target.host} port=${target.port} dbname=${target.database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${own.users}
pool_mode = transaction
default_pool_size = ${own.poolSize}
max_client_conn = ${own.maxClients}
${own.ignoresOptions ? 'ignore_startup_parameters = options' : ''}
${keepsStatements ? `max_prepared_statements = ${own.preparedStatements}` : ''}
`
}

/** Resolves when it says that it is up; rejects with what it said when it ends instead. */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = []
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      said.push(line)
      if (line.includes('process up')) resolve()
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`PgBouncer did not start:\n${said.join('\n')}`)))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.ref()
  const exited = once(child, 'exit')
  child.kill(Number(installedMinor()) >= hasteBySigquitSince ? 'SIGQUIT' : 'SIGTERM')
  await exited
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
