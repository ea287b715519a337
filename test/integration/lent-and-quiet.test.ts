import { startRelay } from 'pg-thaw/testing'
import { describe, expect, it, vi } from 'vitest'
import { database, openPool, pool } from '../support/pool-under-test'
import { startWire } from '../support/wire'

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

  it('may be given back while it is being pinged', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const relay = await startRelay({ ...database.config, slowMillis: 100 })
    const wire = await startWire(relay)
    openPool({ max: 1, leaseMillis: 600, host: wire.host, port: wire.port })
    const client = await pool.connect()
    relay.strike('slow')
    wire.clear()
    while (!wire.log.includes('>S')) await quiet(5)
    client.release()
    expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }])
    expect(pool.stats()).toMatchObject({ dials: 1, retired: { busy: 0 } })
    expect(warned).not.toHaveBeenCalled()
    warned.mockRestore()
    await pool.end()
    await wire.close()
    await relay.close()
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
