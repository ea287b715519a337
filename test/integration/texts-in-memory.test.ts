import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { openPool as open, pool } from '../support/pool-under-test'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes of heap that are still held after `work`, whose pool lives on. */
async function heldAfter(work: () => Promise<void>): Promise<number> {
  await pool.query('SELECT $1::int', [1])
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  await work()
  await pool.query('SELECT 1')
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed - before
}

const LONG = 'x'.repeat(200_000)
const MEDIUM = 'x'.repeat(1_500)

/** A text of its own for each `n`; flat, so that it holds no part of another one. */
function text(n: number, filling: string): string {
  return Buffer.from(`SELECT ${n} AS n, length('${n}${filling}')`).toString()
}

const ways: Record<string, (text: string) => Promise<unknown>> = {
  plain: (text) => pool.query(text),
  'with values': (text) => pool.query(`${text}, $1::int`, [1]),
  'on a client': (text) => pool.use((client) => client.query(text)),
  'with values on a client': (text) => pool.use((client) => client.query(`${text}, $1::int`, [1])),
  'in a transaction': (text) => pool.transaction((client) => client.query(`${text}, $1::int`, [1])),
  'with an error': (text) => pool.query(`${text}, nonsense`).catch(() => {}),
  'with values and an error': (text) => pool.query(`${text}, 1 / $1::int`, [0]).catch(() => {}),
}

describe('texts that all differ', () => {
  it.each(Object.keys(ways))('are not remembered when they are long (%s)', async (name) => {
    open({ max: 1 })
    const held = await heldAfter(async () => {
      for (let n = 0; n < 40; n += 1) await ways[name]?.(text(n, LONG))
    })
    expect(held / 1e6, 'MB held of 8').toBeLessThan(2)
  })

  it.each(['plain', 'with values'])('are not remembered when they are long and asked at once (%s)', async (name) => {
    open({ max: 2 })
    const held = await heldAfter(async () => {
      await Promise.all(Array.from({ length: 40 }, (_, n) => ways[name]?.(text(n, LONG))))
    })
    expect(held / 1e6, 'MB held of 8').toBeLessThan(2)
  })

  it.each(['plain', 'with values', 'with values on a client'])(
    'are remembered in bounds when they are short and many (%s)',
    async (name) => {
      open({ max: 1 })
      const held = await heldAfter(async () => {
        for (let n = 0; n < 3_000; n += 100) {
          await Promise.all(Array.from({ length: 100 }, (_, at) => ways[name]?.(text(n + at, MEDIUM))))
        }
      })
      expect(held / 1e6, 'MB held of 4.5').toBeLessThan(2)
    },
  )

  it('are not held on behalf of connections that are gone, when they were named', async () => {
    open({ max: 1 })
    const held = await heldAfter(async () => {
      for (let n = 0; n < 40; n += 1) {
        await pool.query({ name: `statement ${n}`, text: text(n, LONG) })
        if (n % 10 === 9) await pool.drain()
      }
      await pool.drain()
    })
    expect(held / 1e6, 'MB held of 8').toBeLessThan(2)
  })
})
