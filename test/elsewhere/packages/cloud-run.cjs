// Functions of Cloud Run, as its framework runs them.
const functions = require('@google-cloud/functions-framework')
const { createPool, wrapHandler } = require('pg-thaw')

const pool = createPool({ max: 3, ...JSON.parse(process.env.POOL_OPTIONS ?? '{}') })

const ask = async () => {
  const { rows } = await pool.query('SELECT pg_backend_pid() AS pid')
  return { ...rows[0], lent: pool.stats().lent, unfinished: pool.stats().unfinished }
}

functions.http(
  'orders',
  wrapHandler(async (request, response) => {
    if (request.path === '/leak') await Promise.all([pool.connect(), pool.connect()])
    if (request.path === '/leave') void pool.query('SELECT pg_sleep(30)')
    if (request.path === '/fail') throw new RangeError('mine')
    response.json(await ask())
  }),
)

functions.http(
  'promiseless',
  wrapHandler((_request, response) => {
    // Longer than the end of a call waits for what nobody awaits.
    pool.query('SELECT pg_sleep(0.3)').then(
      async () => response.json(await ask()),
      (error) => response.status(500).json({ code: error.code }),
    )
  }),
)
