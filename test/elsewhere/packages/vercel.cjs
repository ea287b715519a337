// A function on Vercel, whose pool is attached as its documentation says. Prints what becomes of it, a line each.
const { attachDatabasePool } = require('@vercel/functions/db-connections')
const { createPool } = require('pg-thaw')

const pool = createPool({ max: 4, ...JSON.parse(process.env.POOL_OPTIONS ?? '{}') })
attachDatabasePool(pool)

/** Vercel's context of the request: what keeps the instance awake. */
const waits = []
globalThis[Symbol.for('@vercel/request-context')] = { get: () => ({ waitUntil: (promise) => waits.push(promise) }) }

const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`)

async function main() {
  // Requests overlap in one instance.
  const pids = await Promise.all(
    [0.05, 0.1, 0.15, 0].map(async (seconds) => {
      const { rows } = await pool.query('SELECT pg_backend_pid() AS pid, pg_sleep($1)', [seconds])
      return rows[0].pid
    }),
  )
  await pool.use((client) => client.query('SELECT 1'))
  await pool.transaction((client) => client.query('SELECT 1'))
  say({
    pids: new Set(pids).size,
    waits: waits.length,
    idleTimeoutMillis: pool.options.idleTimeoutMillis,
    idle: pool.idleCount,
  })
  // The instance may be suspended when that has settled.
  await Promise.all(waits)
  say({ suspended: true, total: pool.totalCount })
  process.stdin.resume()
  process.stdin.once('data', async () => {
    say({ answered: (await pool.query('SELECT 1 AS one')).rows[0].one })
    process.exit()
  })
}

main()
