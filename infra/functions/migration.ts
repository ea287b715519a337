import type { PoolClient } from 'pg'
import type { Pool } from 'pg-thaw'
import schema from '../schema.sql'
import { scramVerifier } from './scram-verifier'

/** The user of the functions. */
export interface AppUser {
  readonly name: string
  readonly password: string
}

/** Any number, the same in every deployment: who holds this lock is the one that migrates. */
const LOCK = 7_241_096

/** What the functions do, and no more. */
const GRANTS = [
  'SELECT, INSERT, UPDATE (fulfilled_at) ON orders',
  'SELECT, INSERT ON order_lines',
  'SELECT, INSERT, UPDATE ON reports',
]

/**
 * Brings the database to what the functions expect: the schema, and their user with its password of today. In one transaction, so a
 * failure leaves what was there before; repeatable; and of two at a time one waits. Without a user only the schema.
 */
export async function migrate(pool: Pool, user?: AppUser): Promise<void> {
  await pool.transaction(async (client) => {
    // Also for the tables: what holds them for long would otherwise keep everybody else waiting behind this.
    await client.query("SET LOCAL lock_timeout = '30s'")
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK])
    await client.query(schema)
    if (user !== undefined) await admit(client, user)
  })
}

async function admit(client: PoolClient, { name, password }: AppUser): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name])
  const role = client.escapeIdentifier(name)
  // The server logs such statements: it gets the password as it would store it.
  const verifier = client.escapeLiteral(scramVerifier(password))
  await client.query(`${rowCount === 0 ? 'CREATE' : 'ALTER'} ROLE ${role} LOGIN PASSWORD ${verifier}`)
  for (const grant of GRANTS) await client.query(`GRANT ${grant} TO ${role}`)
}
