import { type Asked, type Told, work } from './work'

// None of them is wrapped.

export const asynchronous = (asked: Asked): Promise<Told> => work(asked)

export const callback = (
  asked: Asked,
  _context: unknown,
  answer: (error?: Error | null, told?: Told) => void,
): void => {
  work(asked).then((told) => answer(null, told), answer)
}

export const streaming = awslambda.streamifyResponse(async (asked: Asked, stream) => {
  stream.write(JSON.stringify(await work(asked)))
  stream.end()
})
