import type { Context, ScheduledEvent } from 'aws-lambda'
import { wrapHandler } from 'pg-thaw'
import { openDatabase } from './database'
import { log, logError } from './log'
import { count, type Queryable } from './order-book'

/** What happened in the 24 hours before, and what is left to do. */
interface DailyReport {
  readonly day: string
  readonly ordered: number
  readonly fulfilled: number
  readonly waiting: number
  readonly products: number
}

const pool = openDatabase(process.env.DATABASE_SECRET_ID)

/** Counts what happened in the 24 hours before its time, asked at once; stores and logs it. Run again, it replaces what it stored. */
export const handler = wrapHandler(
  async ({ time }: Partial<ScheduledEvent>, context: Context): Promise<DailyReport> => {
    try {
      const report = await countUntil(pool, time === undefined ? new Date() : new Date(time))
      await store(pool, report)
      log(context, 'INFO', 'daily report', { ...report })
      return report
    } catch (error) {
      logError(context, 'the daily report failed', error)
      // Lambda tries again, and logs this. It doesn't repeat the code, which would be counted twice.
      throw new Error('The daily report failed: the line before this one says why')
    }
  },
)

async function countUntil(database: Queryable, until: Date): Promise<DailyReport> {
  const end = until.toISOString()
  const period = `BETWEEN $1::timestamptz - interval '24 hours' AND $1::timestamptz`
  const [ordered, fulfilled, waiting, products] = await Promise.all([
    count(database, `SELECT count(*)::integer AS count FROM orders WHERE created_at ${period}`, [end]),
    count(database, `SELECT count(*)::integer AS count FROM orders WHERE fulfilled_at ${period}`, [end]),
    count(database, 'SELECT count(*)::integer AS count FROM orders WHERE fulfilled_at IS NULL'),
    count(
      database,
      `SELECT count(DISTINCT product)::integer AS count FROM order_lines JOIN orders ON id = order_id
       WHERE created_at ${period}`,
      [end],
    ),
  ])
  return { day: end.slice(0, 10), ordered, fulfilled, waiting, products }
}

async function store(database: Queryable, { day, ordered, fulfilled, waiting, products }: DailyReport): Promise<void> {
  await database.query({
    text: `INSERT INTO reports (day, ordered, fulfilled, waiting, products) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (day) DO UPDATE SET (ordered, fulfilled, waiting, products) = ROW($2, $3, $4, $5)`,
    values: [day, ordered, fulfilled, waiting, products],
    idempotent: true,
  })
}
