import { wrapHandler } from 'pg-thaw'
import { type Asked, type Told, work } from './work'

export const asynchronous = wrapHandler((asked: Asked) => work(asked))

export const callback = wrapHandler(
  (asked: Asked, _context: unknown, answer: (error?: Error | null, told?: Told) => void): void => {
    work(asked).then((told) => answer(null, told), answer)
  },
)

export const streaming = wrapHandler(
  awslambda.streamifyResponse(async (asked: Asked, stream) => {
    stream.write(JSON.stringify(await work(asked)))
    stream.end()
  }),
)
