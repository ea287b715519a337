/** What the pages leave to the reader's imagination, put in front of the examples under a heading. */
const author = 'interface Author { id: number; name: string }'
const pool =
  "import { Pool } from 'pg-thaw'\nconst pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 2 })"
const handle = 'declare function handle(row: unknown): void'

export const contexts: Readonly<Record<string, string>> = {
  'docs/consumers.md#Drizzle': `${pool}
import { pgTable, serial, text } from 'drizzle-orm/pg-core'
const authors = pgTable('authors', { id: serial().primaryKey(), name: text().notNull() })
const schema = { authors }`,
  'docs/consumers.md#Kysely': `${pool}
${author}
interface Library { authors: Author }`,
  'docs/consumers.md#knex': pool,
  'docs/consumers.md#Prisma': `${pool}
import { PrismaClient } from './client'`,
  'docs/consumers.md#pg-promise': "const [host, database, user, password] = ['127.0.0.1', 'shop', 'me', 'mine']",
  'docs/consumers.md#graphile-worker': `${pool}
import type { TaskList } from 'graphile-worker'
const taskList: TaskList = {}`,
  'docs/consumers.md#pg-cursor, pg-query-stream': `${pool}
${handle}`,
  'docs/consumers.md#pg-copy-streams': `${pool}
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'`,
  'docs/consumers.md#connect-pg-simple': pool,
}
