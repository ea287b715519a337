import type Middy from '@middy/core'
import { wrapHandler } from 'pg-thaw'
import { pooled } from 'pg-thaw/middy'
import { type Asked, work } from './work'

const saying = {
  after: (request: { response: unknown }) => {
    request.response = { told: request.response, by: 'middy' }
  },
}

/** What people make with middy, of whichever major version. */
export function madeWith(middy: typeof Middy) {
  const outermost = wrapHandler(
    middy<Asked>()
      .use(saying)
      .handler((asked) => work(asked)),
  )
  const usedAfterwards = wrapHandler(middy((asked: Asked) => work(asked)))
  usedAfterwards.use(saying)
  const byMiddleware = middy<Asked>()
    .use(pooled())
    .use(saying)
    .handler((asked) => work(asked))
  return { outermost, usedAfterwards, byMiddleware }
}
