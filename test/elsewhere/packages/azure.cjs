// A function in the programming model 4 of Azure Functions. Its host is not here: what it registers is called as the host calls it.
const { app, HttpRequest, InvocationContext } = require('@azure/functions')
const { createPool, wrapHandler } = require('pg-thaw')

const pool = createPool({ max: 3, lingerMillis: 20 })
let registered

const { http } = app
app.http = (name, options) => {
  registered = options.handler
  return http(name, options)
}

app.http('orders', {
  methods: ['GET'],
  handler: wrapHandler(async (request, context) => {
    context.log(request.method)
    if (request.query.has('leak')) await Promise.all([pool.connect(), pool.connect()])
    if (request.query.has('leave')) void pool.query('SELECT pg_sleep(30)')
    if (request.query.has('fail')) throw new RangeError('mine')
    const { rows } = await pool.query('SELECT pg_backend_pid() AS pid')
    return { jsonBody: rows[0] }
  }),
})

const call = (query) => {
  const request = new HttpRequest({ url: `http://localhost/api/orders${query}`, method: 'GET' })
  const context = new InvocationContext({ invocationId: 'id', functionName: 'orders', logHandler: () => {} })
  return registered(request, context)
}

async function main() {
  const pids = []
  for (const query of ['', '', '?leak', '', '?leave', '']) pids.push((await call(query)).jsonBody.pid)
  const error = await call('?fail').catch(({ name }) => name)
  const { lent, unfinished } = pool.stats()
  process.stdout.write(`${JSON.stringify({ pids, error, lent, unfinished })}\n`)
  process.exit()
}

main()
