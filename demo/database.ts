import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import { type PostgresServer, startPostgres } from '../scripts/postgres-server'

/** What the server holds against a user. */
export interface UserLimits {
  /** Most sessions of this user. Default: as many as the server has. */
  connectionLimit?: number
  /** How long the server keeps an idle session, ms. Default: for ever, as PostgreSQL's own. */
  idleSessionMillis?: number
}

/** The database that all contenders use, each act and contender as a user of its own. */
export interface DemoDatabase {
  /** What it is, for the reader. */
  readonly description: string
  readonly address: { readonly host: string; readonly port: number }
  readonly name: string
  /** A superuser's connections, which watch. */
  readonly admin: Pool
  createUser(name: string, limits: UserLimits): Promise<DatabaseUser>
  [Symbol.asyncDispose](): Promise<void>
}

/** A user with tables of its own. */
export interface DatabaseUser {
  readonly name: string
  readonly password: string
  /** Sessions that the server has of this user; `where` is SQL over pg_stat_activity. */
  sessions(where?: string): Promise<number>
  /** Ends all of them, as a restart does; resolves when they are gone. */
  endSessions(): Promise<void>
  /** Gives it another password, and returns that. */
  changePassword(): Promise<string>
  /** How many notes there are, as everybody else sees them. */
  countNotes(): Promise<number>
}

/** Starts a PostgreSQL for the demo alone. */
export async function openDatabase(): Promise<DemoDatabase> {
  const server = await startPostgres()
  const admin = new Pool({ connectionString: server.url })
  admin.on('error', () => {})
  try {
    const { rows } = await admin.query<{ server_version: string }>('SHOW server_version')
    return {
      description: `PostgreSQL ${rows[0]?.server_version}`,
      address: { host: server.host, port: server.port },
      name: server.database,
      admin,
      createUser: (name, limits) => createUser(admin, name, limits),
      [Symbol.asyncDispose]: () => close(admin, server),
    }
  } catch (error) {
    await close(admin, server)
    throw error
  }
}

function close(admin: Pool, server: PostgresServer): Promise<void> {
  return admin.end().finally(() => server.close())
}

/** Enough for a join to be planned, too little to be waited for. */
const tables = `
  CREATE TABLE notes (key int);
  CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
  CREATE TABLE products (id int PRIMARY KEY, name text NOT NULL);
  CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers);
  CREATE TABLE lines (order_id int REFERENCES orders, product_id int REFERENCES products, quantity int, PRIMARY KEY (order_id, product_id));
  INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 100) i;
  INSERT INTO products SELECT i, 'product ' || i FROM generate_series(1, 100) i;
  INSERT INTO orders SELECT i, i FROM generate_series(1, 100) i;
  INSERT INTO lines SELECT i, i, 1 FROM generate_series(1, 100) i`

async function createUser(admin: Pool, name: string, limits: UserLimits): Promise<DatabaseUser> {
  const password = newPassword()
  const { connectionLimit = -1, idleSessionMillis = 0 } = limits
  await admin.query(`
    BEGIN;
    CREATE ROLE "${name}" LOGIN PASSWORD '${password}' CONNECTION LIMIT ${connectionLimit};
    ALTER ROLE "${name}" SET idle_session_timeout = ${idleSessionMillis};
    CREATE SCHEMA AUTHORIZATION "${name}";
    SET LOCAL ROLE "${name}";
    SET LOCAL search_path TO "${name}";
    ${tables};
    COMMIT`)
  return {
    name,
    password,
    sessions: async (where = 'true') => {
      const text = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE usename = $1 AND (${where})`
      const { rows } = await admin.query<{ count: number }>(text, [name])
      return rows[0]?.count ?? 0
    },
    endSessions: async () => {
      await admin.query('SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE usename = $1', [name])
    },
    changePassword: async () => {
      const next = newPassword()
      await admin.query(`ALTER ROLE "${name}" PASSWORD '${next}'`)
      return next
    },
    countNotes: async () => {
      const { rows } = await admin.query<{ count: number }>(`SELECT count(*)::int AS count FROM "${name}".notes`)
      return rows[0]?.count ?? 0
    },
  }
}

function newPassword(): string {
  return randomBytes(12).toString('hex')
}
