import { describe, expect, it } from 'vitest'
import { database, openPool, pool } from '../support/pool-under-test'

const quiet = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

describe('a client that is lent, and asked nothing for longer than its lease', () => {
  it('keeps its session, its lock and its transaction', async () => {
    openPool({ max: 2, leaseMillis: 600 })
    const client = await pool.connect()
    await client.query('SELECT pg_advisory_lock(7)')
    await quiet(1500)
    expect(await database.admin.query('SELECT pg_try_advisory_lock(7) AS free')).toEqual([{ free: false }])
    await client.query('BEGIN')
    await client.query('CREATE TABLE kept (id int)')
    await quiet(1500)
    await client.query('COMMIT')
    client.release()
    expect(pool.stats()).toMatchObject({ idle: 1, dials: 1 })
  })

  it('has its lease again as soon as it is given back', async () => {
    openPool({ max: 1, leaseMillis: 600 })
    const client = await pool.connect()
    await quiet(900)
    client.release()
    await database.untilSessions(0, { withinMillis: 3000 })
  })

  it('is told how its session ended, if it did', async () => {
    openPool({ max: 1 })
    const client = await pool.connect()
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
    const lost = new Promise((resolve) => client.once('error', resolve))
    await database.admin.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
    await lost
    const expected = { code: '57P01', retry: 'safe', cause: expect.objectContaining({ code: '57P01' }) }
    await expect(client.query('SELECT 1')).rejects.toMatchObject(expected)
    expect(await new Promise((resolve) => client.query('SELECT 1', resolve))).toMatchObject(expected)
    client.release()
    expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }])
  })
})
