// Preloaded ahead of the goodbye: prints when the signal was heard and when the first Terminate left, by the wall clock.
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'

const now = () => performance.timeOrigin + performance.now()
const terminate = 'X'.charCodeAt(0)
let heard

const { emit } = process
process.emit = function (name, ...rest) {
  if (name === 'SIGTERM') heard ??= now()
  return emit.call(this, name, ...rest)
}

const { write } = Socket.prototype
Socket.prototype.write = function (data, ...rest) {
  const isTerminate = data instanceof Uint8Array && data.length === 5 && data[0] === terminate
  const answer = write.call(this, data, ...rest)
  if (isTerminate && heard !== undefined) writeSync(1, `${JSON.stringify({ heard, left: now() })}\n`)
  return answer
}
