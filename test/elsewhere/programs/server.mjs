// A plain HTTP server with a pool, as one runs it in a container: each request asks the database once.
import { createServer } from 'node:http'
import { createPool } from 'pg-thaw'

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}'))

async function serve(_request, response) {
  try {
    const { rows } = await pool.query(
      "SELECT pg_backend_pid() AS pid, current_setting('idle_session_timeout') AS lease",
    )
    response.end(JSON.stringify(rows[0]))
  } catch (error) {
    response.statusCode = 500
    response.end(JSON.stringify({ code: error.code }))
  }
}

const server = createServer(serve)
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
process.once('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
  pool.end().then(() => process.stdout.write('ended\n'))
})
