import middy from '@middy/core'
import { executionModeStreamifyResponse } from '@middy/core/StreamifyResponse'
import { wrapHandler } from 'pg-thaw'
import { pooled } from 'pg-thaw/middy'
import { madeWith } from '../../functions/middy'
import { type Asked, work } from '../../functions/work'

// The types are those of the other major version.
export const { outermost, usedAfterwards, byMiddleware } = madeWith(middy as never)

export const streaming = wrapHandler(
  middy<Asked>({ executionMode: executionModeStreamifyResponse }).handler(async (asked) => ({
    statusCode: 200,
    body: JSON.stringify(await work(asked)),
  })),
)

export const streamingByMiddleware = middy<Asked>({ executionMode: executionModeStreamifyResponse })
  .use(pooled())
  .handler(async (asked) => ({ statusCode: 200, body: JSON.stringify(await work(asked)) }))
