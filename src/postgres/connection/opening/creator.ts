import type { Client } from 'pg'
import { knowingItsTransaction } from '../older-pg.js'
import { isUsable, type PgClient } from '../pg-client.js'

/** Opens a client in place of the pool: connected, and nobody else's. */
export type Creator = () => Client | PromiseLike<Client>

/** What the pool can't do without. */
const METHODS = ['query', 'end', 'on'] as const

/** Clients that have come: two connections can't be one and the same. */
const taken = new WeakSet<object>()

/**
 * What a creator returned, if it is a client that can be lent.
 *
 * @throws {TypeError} that says what it is instead. What is no client of this pool's alone is left as it is.
 */
export async function takeFrom(creator: Creator): Promise<PgClient> {
  const it: unknown = await creator()
  const given = Object(it) as Record<(typeof METHODS)[number], unknown>
  const missing = METHODS.filter((name) => typeof given[name] !== 'function')
  if (missing.length > 0) {
    throw new TypeError(
      `Expected \`creator\` to return a connected client, got ${kindOf(it)} without \`${missing[0]}\``,
    )
  }
  const client = it as PgClient
  if (taken.has(client))
    throw new TypeError('Expected `creator` to return another client each time, got the same again')
  taken.add(client)
  const state = isUsable(client) ? 'has not been connected' : 'is closed already'
  if (client._connected === false || !isUsable(client)) {
    endQuietly(client)
    throw new TypeError(`Expected \`creator\` to return a connected client, got one that ${state}`)
  }
  return knowingItsTransaction(client)
}

/** Nobody has it, and nobody waits for its end. */
export function endQuietly(client: PgClient): void {
  client.on('error', () => {})
  void Promise.resolve()
    .then(() => client.end())
    .catch(() => {})
}

function kindOf(it: unknown): string {
  if (it === undefined || it === null) return `${it}, which is`
  return typeof it === 'object' ? 'an object' : `a ${typeof it}`
}
