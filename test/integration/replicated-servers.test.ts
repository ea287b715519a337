import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Demotion, query, ReplicatedServers } from '../support/replicated-servers'

let servers: ReplicatedServers

beforeAll(async () => {
  servers = await ReplicatedServers.start()
  await query(servers.primary, 'CREATE TABLE writes (key int PRIMARY KEY)')
})
afterAll(() => servers?.close())

const write = (key: number) => query(servers.primary, 'INSERT INTO writes VALUES ($1)', [key])
const keysAt = async (server: ReplicatedServers['primary']) =>
  (await query<{ key: number }>(server, 'SELECT key FROM writes ORDER BY key')).map(({ key }) => key)

it('a standby shows what its primary has written, and takes no writes', async () => {
  await write(1)
  await servers.caughtUp()
  expect(await keysAt(servers.standby)).toEqual([1])
  await expect(query(servers.standby, 'INSERT INTO writes VALUES (0)')).rejects.toMatchObject({ code: '25006' })
})

it.each<[Demotion, number]>([
  ['in place', 2],
  ['by a restart', 3],
])('a standby takes the place of a primary that was demoted %s, with all that was written', async (how, key) => {
  await write(key)
  await servers.demote(how)
  const demoted = servers.primary
  await expect(write(key + 100)).rejects.toMatchObject({ code: '25006' })
  await servers.promote()
  expect(servers.standby).toBe(demoted)
  expect(await keysAt(servers.primary)).toContain(key)
  await write(key + 200)
  await servers.rejoin()
  await servers.caughtUp()
  expect(await keysAt(servers.standby)).toEqual(await keysAt(servers.primary))
})

it('a standby is not promoted beside a primary that takes writes', async () => {
  await expect(servers.promote()).rejects.toThrow('bug')
})
