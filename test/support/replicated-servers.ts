import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client, type QueryResultRow } from 'pg'
import { type PostgresServer, type PostgresServerOptions, startPostgres } from '../../scripts/postgres-server'
import { give, runAs, type ServerUser, serverUser } from '../../scripts/postgres-server-user'

/**
 * How a primary stops taking writes.
 *
 * - `in place`: it goes on as a server that is read-only. Sessions stay, and meet 25006 from their next transaction on.
 * - `by a restart`: it comes back as a standby. Sessions end; new ones meet 25006.
 */
export type Demotion = 'in place' | 'by a restart'

/** What both servers need to stream; each commit that is acknowledged is in the log, so that no crash takes it back. */
const settings = {
  wal_level: 'replica',
  max_wal_senders: '4',
  // A standby that comes back finds what it has missed.
  wal_keep_size: '128MB',
  synchronous_commit: 'on',
  wal_retrieve_retry_interval: '100ms',
}

/** Longest wait for one server to catch up with the other, or for open transactions, ms. */
const patienceMillis = 20_000
const pollEveryMillis = 10

/**
 * Two real servers, of which one streams from the other, and may take its place. In the order `demote`, `promote`, no write that was
 * acknowledged is lost: a server is promoted when the other takes no writes any more, and when it has all of them.
 */
export class ReplicatedServers {
  readonly #user: ServerUser
  #primary: PostgresServer
  #standby: PostgresServer
  #isDemoted = false

  private constructor(user: ServerUser, primary: PostgresServer, standby: PostgresServer) {
    this.#user = user
    this.#primary = primary
    this.#standby = standby
  }

  /** @param options Of both servers. */
  static async start(options: PostgresServerOptions = {}): Promise<ReplicatedServers> {
    const both = { ...options, settings: { ...settings, ...options.settings } }
    const primary = await startPostgres(both)
    try {
      const standby = await startPostgres({
        ...both,
        fill: async (data, user) => {
          await copyCluster(primary, data, user)
          await makeStandby(data, primary, user)
          return primary.password
        },
      })
      return new ReplicatedServers(await serverUser(), primary, standby)
    } catch (error) {
      await primary.close()
      throw error
    }
  }

  /** The one that takes writes, or is the next to take them. */
  get primary(): PostgresServer {
    return this.#primary
  }

  /** The other one. */
  get standby(): PostgresServer {
    return this.#standby
  }

  /** The primary takes no writes from here on; the standby has not got all of them yet. */
  async demote(how: Demotion): Promise<void> {
    switch (how) {
      case 'in place':
        await this.#makeReadOnly()
        break
      case 'by a restart':
        // It ends when the standby has all that it wrote.
        await this.#primary.stop('fast')
        await makeStandby(this.#primary.data, this.#standby, this.#user)
        await this.#primary.start()
        break
      default:
        how satisfies never
    }
    this.#isDemoted = true
  }

  /** Has the standby of a demoted primary take its place, when it has all that was written there. */
  async promote(): Promise<void> {
    if (!this.#isDemoted) throw new Error('bug: a standby was promoted beside a primary')
    const [{ written } = bug()] = await query<{ written: string }>(
      this.#primary,
      `SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END AS written`,
    )
    await this.#untilReplayed(written)
    await query(this.#standby, 'SELECT pg_promote(true, 60)')
    ;[this.#primary, this.#standby] = [this.#standby, this.#primary]
    this.#isDemoted = false
  }

  /** After a promotion: makes the demoted one a standby of the promoted one, from a new copy. Sessions that it still has end. */
  async rejoin(): Promise<void> {
    await this.#standby.stop('immediate')
    await rm(this.#standby.data, { recursive: true })
    await copyCluster(this.#primary, this.#standby.data, this.#user)
    await makeStandby(this.#standby.data, this.#primary, this.#user)
    await this.#standby.start()
  }

  /** Resolves when the standby shows all that the primary has written so far. */
  async caughtUp(): Promise<void> {
    const [{ written } = bug()] = await query<{ written: string }>(
      this.#primary,
      'SELECT pg_current_wal_flush_lsn() AS written',
    )
    await this.#untilReplayed(written)
  }

  async close(): Promise<void> {
    await Promise.all([this.#primary.close(), this.#standby.close()])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #makeReadOnly(): Promise<void> {
    await query(this.#primary, 'ALTER SYSTEM SET default_transaction_read_only = on')
    await query(this.#primary, 'SELECT pg_reload_conf()')
    // A session that begins with it begins after all others have been told.
    await until('the setting', async () => {
      const [row] = await query<{ is: string }>(
        this.#primary,
        `SELECT current_setting('default_transaction_read_only') AS is`,
      )
      return row?.is === 'on'
    })
    const [{ now } = bug()] = await query<{ now: string }>(this.#primary, 'SELECT clock_timestamp()::text AS now')
    // What had begun before may still write.
    await until('the end of open transactions', async () => {
      const open = await query(
        this.#primary,
        `SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND xact_start <= $1::timestamptz`,
        [now],
      )
      return open.length === 0
    })
  }

  async #untilReplayed(written: string): Promise<void> {
    await until(`the standby's ${written}`, async () => {
      const [row] = await query<{ has: boolean }>(
        this.#standby,
        'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS has',
        [written],
      )
      return row?.has === true
    })
  }
}

/** SQL as superuser, over a connection of its own. */
export async function query<Row extends QueryResultRow>(
  server: PostgresServer,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const { host, port, user, password, database } = server
  const client = new Client({ host, port, user, password, database, application_name: 'admin' })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Row>(sql, values)).rows
  } finally {
    await client.end()
  }
}

const backupFrom15 = {
  start: `SELECT pg_backup_start('copy', fast => true)`,
  stop: 'SELECT labelfile FROM pg_backup_stop(false)',
}
const backupBefore15 = {
  start: `SELECT pg_start_backup('copy', true, false)`,
  stop: 'SELECT labelfile FROM pg_stop_backup(false, false)',
}

/** A base backup by hand: a copy of the files between the two calls, without the log, which is streamed, and what belongs to a process. */
async function copyCluster(from: PostgresServer, to: string, user: ServerUser): Promise<void> {
  const { host, port, password, database } = from
  const client = new Client({ host, port, user: from.user, password, database, application_name: 'admin' })
  client.on('error', () => {})
  await client.connect()
  try {
    const version = await client.query<{ number: string }>(`SELECT current_setting('server_version_num') AS number`)
    const backup = Number(version.rows[0]?.number) < 150_000 ? backupBefore15 : backupFrom15
    await client.query(backup.start)
    const entries = await readdir(from.data)
    const files = entries.filter((name) => name !== 'pg_wal' && !name.startsWith('postmaster.'))
    await runAs(user, 'mkdir', ['-m', '700', to, join(to, 'pg_wal')])
    await runAs(user, 'cp', ['-a', ...files.map((name) => join(from.data, name)), to])
    const { rows } = await client.query<{ labelfile: string }>(backup.stop)
    const label = join(to, 'backup_label')
    await writeFile(label, rows[0]?.labelfile ?? bug())
    await give(user, label)
  } finally {
    await client.end()
  }
}

/** What makes a server a standby, from its next start on. */
async function makeStandby(data: string, of: PostgresServer, owner: ServerUser): Promise<void> {
  const { host, port, user, password } = of
  const conninfo = `host=${host} port=${port} user=${user} password=${password} application_name=standby`
  const [settings, signal] = [join(data, 'postgresql.auto.conf'), join(data, 'standby.signal')]
  await writeFile(settings, `primary_conninfo = '${conninfo}'\n`)
  await writeFile(signal, '')
  await give(owner, settings, signal)
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMillis
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`Expected ${what} within ${patienceMillis} ms`)
    await pause(pollEveryMillis)
  }
}

function bug(): never {
  throw new Error('bug: a row is missing')
}
