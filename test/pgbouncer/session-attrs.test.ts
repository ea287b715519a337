import { expect, it } from 'vitest'
import { Pool } from '../../src/index'
import { createDatabase } from '../support/database'
import { describeWithPgBouncer, startPgBouncer } from '../support/pgbouncer'

describeWithPgBouncer('the servers that will do, through PgBouncer, which reports nothing of them', () => {
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
})
