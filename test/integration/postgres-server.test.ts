import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../../scripts/postgres-server'
import { createDatabase, type TestDatabase } from '../support/database'

describe('a server of its own', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres({ settings: { max_connections: '7' } })
  })
  afterAll(() => server.close())

  test('takes settings, and signs in with SCRAM', async () => {
    await using client = await connected(server.url)
    expect(await client.value(`SELECT current_setting('max_connections')`)).toBe('7')
    expect(
      await client.value(`SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'postgres'`),
    ).toBe(true)
    const wrong = new Client({ ...coordinates(server), password: 'wrong' })
    await expect(wrong.connect()).rejects.toMatchObject({ code: '28P01' })
  })

  test('comes back on the same port with its data, after a fast and after an immediate stop', async () => {
    {
      await using client = await connected(server.url)
      await client.value('CREATE TABLE kept AS SELECT 1 AS one')
    }
    for (const mode of ['fast', 'immediate'] as const) {
      await server.stop(mode)
      await server.stop(mode)
      await expect(connected(server.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      await server.start()
      await server.start()
      await using client = await connected(server.url)
      expect(await client.value('SELECT one FROM kept')).toBe(1)
    }
  })

  test('says what the server said when it does not start', async () => {
    const start = startPostgres({ settings: { max_connections: 'many' } })
    await expect(start).rejects.toThrow('invalid value for parameter "max_connections": "many"')
  })
})

test('servers started at the same time get a port and a cluster each', async () => {
  const servers = await Promise.all([startPostgres(), startPostgres(), startPostgres()])
  try {
    expect(new Set(servers.map(({ port }) => port)).size).toBe(3)
    for (const { url } of servers) {
      await using client = await connected(url)
      expect(await client.value(`SELECT to_regclass('only_here')`)).toBeNull()
      await client.value('CREATE TABLE only_here ()')
    }
  } finally {
    await Promise.all(servers.map((server) => server.close()))
  }
})

describe('nothing is left behind', () => {
  test('after close, even twice', async () => {
    const server = await startPostgres()
    const cluster = await clusterOf(server.url)
    await Promise.all([server.close(), server.close()])
    expect(remains(cluster)).toEqual([])
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('after %s to the program that started it', async (signal) => {
    const { program, url } = await inAnotherProgram()
    const cluster = await clusterOf(url)
    const exited = once(program, 'exit')
    program.kill(signal)
    expect(await exited).toEqual([null, signal])
    await untilGone(cluster)
  })

  test('after the end of a program that forgot to close, which it does not keep alive', async () => {
    const { program, url } = await inAnotherProgram()
    const cluster = await clusterOf(url)
    const exited = once(program, 'exit')
    program.stdin?.end()
    expect(await exited).toEqual([0, null])
    await untilGone(cluster)
  })
})

describe('a database of its own', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.dispose())

  test('counts the sessions in it, but not its admin', async () => {
    expect(await database.sessions()).toEqual([])
    await using first = await connected(database.url)
    await using _second = await connected(database.url)
    expect(await database.untilSessions(2)).toHaveLength(2)
    await first.value('BEGIN')
    const pid = await first.value('SELECT pg_backend_pid()')
    expect(await database.sessions(`state = 'idle in transaction'`)).toMatchObject([{ pid }])
    await first[Symbol.asyncDispose]()
    expect(await database.untilSessions(1)).toHaveLength(1)
  })

  test('says which sessions there are when the awaited number does not come', async () => {
    await using _client = await connected(database.url)
    await expect(database.untilSessions(5, { withinMillis: 50 })).rejects.toThrow(/Expected 5 sessions.*found 1/s)
  })

  test('is dropped with whoever is still in it', async () => {
    const other = await createDatabase()
    const client = new Client(other.config)
    const errors: Error[] = []
    client.on('error', (error) => errors.push(error))
    // Not events.once, which rejects at an 'error'.
    const ended = new Promise<void>((resolve) => client.once('end', resolve))
    await client.connect()
    await other.dispose()
    await other.dispose()
    await ended
    expect(errors[0]).toMatchObject({ code: '57P01' })
    const names = await database.admin.query<{ datname: string }>('SELECT datname FROM pg_database')
    expect(names.map(({ datname }) => datname)).not.toContain(other.config.database)
  })
})

async function connected(url: string) {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  let ended: Promise<void> | undefined
  return {
    /** First column of the first row. */
    value: async (sql: string): Promise<unknown> => {
      const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
      return rows[0]?.[0]
    },
    [Symbol.asyncDispose]: () => {
      ended ??= client.end()
      return ended
    },
  }
}

function coordinates({ host, port, user, password, database }: PostgresServer) {
  return { host, port, user, password, database }
}

interface Cluster {
  pid: number
  directory: string
}

async function clusterOf(url: string): Promise<Cluster> {
  await using client = await connected(url)
  const [pid] = String(await client.value(`SELECT pg_read_file('postmaster.pid')`)).split('\n')
  return { pid: Number(pid), directory: String(await client.value(`SELECT current_setting('data_directory')`)) }
}

/** What is there of a cluster: its process, its directory. */
function remains({ pid, directory }: Cluster): string[] {
  const found: string[] = []
  if (existsSync(directory)) found.push(directory)
  try {
    process.kill(pid, 0)
    found.push(`process ${pid}`)
  } catch {
    // It is gone.
  }
  return found
}

async function untilGone(cluster: Cluster): Promise<void> {
  const end = performance.now() + 5_000
  while (remains(cluster).length > 0 && performance.now() < end) await pause(20)
  expect(remains(cluster)).toEqual([])
}

/** A program that starts a server, prints its URL, and lives as long as its stdin is open. */
async function inAnotherProgram(): Promise<{ program: ChildProcess; url: string }> {
  const server = join(import.meta.dirname, '..', '..', 'scripts', 'postgres-server.ts')
  const source = `require(${JSON.stringify(server)}).startPostgres().then(({ url }) => console.log(url)); process.stdin.resume()`
  const program = spawn(process.execPath, ['--import', 'tsx', '--eval', source], { stdio: ['pipe', 'pipe', 'inherit'] })
  let url = ''
  for await (const chunk of program.stdout) {
    url += chunk
    if (url.endsWith('\n')) break
  }
  return { program, url: url.trim() }
}
