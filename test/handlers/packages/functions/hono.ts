import { Hono } from 'hono'
import { handle, streamHandle } from 'hono/aws-lambda'
import { stream } from 'hono/streaming'
import { wrapHandler } from 'pg-thaw'
import { work } from '../../functions/work'

const app = new Hono()
app.post('/work', async (c) => c.json(await work(await c.req.json())))

/** Its query comes when the status is sent. */
const late = new Hono()
late.post('/work', async (c) => {
  const asked = await c.req.json()
  return stream(c, async (body) => void (await body.write(JSON.stringify(await work(asked)))))
})

export const buffered = wrapHandler(handle(app))
export const streaming = wrapHandler(streamHandle(app))
export const streamingLate = wrapHandler(streamHandle(late))

/** For PG_THAW_HANDLER, which has them wrapped. */
export const plain = handle(app)
export const plainStreaming = streamHandle(app)
