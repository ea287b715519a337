import { expect, it, vi } from 'vitest'
import { Pool } from '../../src/index'
import { createDatabase } from '../support/database'
import { describeWithPgBouncer, startPgBouncer } from '../support/pgbouncer'

describeWithPgBouncer('the servers that will do, through PgBouncer, which reports of them what it once heard', () => {
  it('are asked for', async () => {
    await using database = await createDatabase()
    const bouncer = await startPgBouncer(database.config)
    const options = { ...bouncer.config, target: 'pgbouncer', max: 1, connectionTimeoutMillis: 500 } as const
    try {
      await using writer = new Pool({ ...options, target_session_attrs: 'read-write' })
      expect((await writer.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      await using reader = new Pool({ ...options, target_session_attrs: 'standby' })
      await expect(reader.query('')).rejects.toMatchObject({ code: 'POOL_WRONG_SERVER' })
    } finally {
      await bouncer.close()
    }
  })

  it('are asked for, where they have changed since', async () => {
    await using database = await createDatabase()
    const { admin, config } = database
    const bouncer = await startPgBouncer(config)
    const options = { ...bouncer.config, target: 'pgbouncer', target_session_attrs: 'read-write' } as const
    try {
      await using before = new Pool(options)
      await before.query('')
      await before.drain()
      await admin.query(`ALTER DATABASE ${config.database} SET default_transaction_read_only = on`)
      await admin.query(
        `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      )
      await using pool = new Pool({ ...options, connectionTimeoutMillis: 500 })
      await expect(pool.query('')).rejects.toMatchObject({ code: 'POOL_WRONG_SERVER' })
    } finally {
      await bouncer.close()
    }
  })
})

describeWithPgBouncer('a PgBouncer that passes over startup options, met by a pool that does not know of it', () => {
  it('keeps no limit in its sessions, and is treated as a pooler', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using database = await createDatabase()
    const bouncer = await startPgBouncer(database.config, { poolSize: 1, ignoresOptions: true })
    try {
      await using pool = new Pool({ ...bouncer.config, max: 2, leaseMillis: 30_000, prepare: 0 })
      await pool.query('SELECT $1::int', [1])
      await pool.query('SELECT $1::int', [1])
      expect((await pool.query('SHOW idle_session_timeout')).rows).toEqual([{ idle_session_timeout: '0' }])
      expect(pool.stats()).toMatchObject({ prepared: 0, dials: 1 })
      expect(warn.mock.calls.map(([, about]) => (about as { code?: string }).code)).toEqual(['PG_THAW_TARGET'])
    } finally {
      await bouncer.close()
      warn.mockRestore()
    }
  })
})
