import { setFlagsFromString } from 'node:v8'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Pool } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())

/** Whether V8 keeps an object as a structure; as a dictionary, each query on a client takes two microseconds more. */
function isStructure(it: object): unknown {
  setFlagsFromString('--allow-natives-syntax')
  const ask = new Function('it', 'return %HasFastProperties(it)')
  setFlagsFromString('--no-allow-natives-syntax')
  return ask(it)
}

it('leaves clients in the form in which V8 works on them fast', async () => {
  await using pool = new Pool({ ...database.config, max: 1 })
  await pool.query('SELECT 1')
  await using client = await pool.connect()
  expect(isStructure(client)).toBe(true)
  expect(isStructure(Reflect.get(client, 'connectionParameters'))).toBe(true)
  expect(isStructure(Object.defineProperty({ a: 1 }, 'a', { get: () => 1 })), 'the check can fail').toBe(false)
})
