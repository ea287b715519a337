import middy from '@middy/core'
import { executionModeStreamifyResponse } from '@middy/core/StreamifyResponse'
import { wrapHandler } from 'pg-thaw'
import { pooled } from 'pg-thaw/middy'
import { type Asked, work } from '../../functions/work'

const saying = {
  after: (request: { response: unknown }) => {
    request.response = { told: request.response, by: 'middy' }
  },
}

export const outermost = wrapHandler(
  middy<Asked>()
    .use(saying)
    .handler((asked) => work(asked)),
)

export const usedAfterwards = wrapHandler(middy((asked: Asked) => work(asked)))
usedAfterwards.use(saying)

export const byMiddleware = middy<Asked>()
  .use(pooled())
  .use(saying)
  .handler((asked) => work(asked))

export const streaming = wrapHandler(
  middy<Asked>({ executionMode: executionModeStreamifyResponse }).handler(async (asked) => ({
    statusCode: 200,
    body: JSON.stringify(await work(asked)),
  })),
)

export const streamingByMiddleware = middy<Asked>({ executionMode: executionModeStreamifyResponse })
  .use(pooled())
  .handler(async (asked) => ({ statusCode: 200, body: JSON.stringify(await work(asked)) }))
