import type { LogLine } from '../../testing/index.js'
import type { StartBeside } from '../act/beside.js'
import { Refusal } from '../refusal.js'
import { REPLACED, type Watch } from '../watch/watch.js'
import type { Handler } from './handlers.js'
import { type Surroundings, startFunction } from './start.js'

/** Starts functions once more, with pg.Pool where they import pg-thaw. */
export function startBeside(
  handlers: readonly Handler[],
  surroundings: Surroundings,
  word: string,
  watch: Watch,
): StartBeside {
  return async ({ facts: { name } }) => {
    const handler = handlers.find((it) => it.name === name)
    if (handler === undefined) throw new Error(`bug: there is no ${name}`)
    let isReplaced = false
    const onLog = (line: LogLine) => {
      if (line.text === REPLACED) isReplaced = true
      watch.tellLine(name, 'pg.Pool', line)
    }
    const lambda = await startFunction(handler, surroundings, { side: 'pg.Pool', word, onLog })
    try {
      // Whether pg-thaw was replaced is known when the module is loaded; and the other side has begun already.
      await lambda.provision(1)
      if (!isReplaced)
        throw new Refusal(
          'pg-thaw is no module of its own there, and can not be replaced: have it external to the bundle',
        )
      return lambda
    } catch (error) {
      await lambda.close()
      throw error
    }
  }
}
