import { Hono } from 'hono'
import { handle, streamHandle } from 'hono/aws-lambda'
import { wrapHandler } from 'pg-thaw'
import { work } from '../../functions/work'

const app = new Hono()
app.post('/work', async (c) => c.json(await work(await c.req.json())))

export const buffered = wrapHandler(handle(app))
export const streaming = wrapHandler(streamHandle(app))
