import type { ServerResponse } from 'node:http'
import type { Invocation, InvocationContext } from './invocation.js'
import { type PoolManager, poolManager } from './pool-manager.js'

// biome-ignore lint/suspicious/noExplicitAny: the one type that handlers of every event, context and result are assignable to
export type AnyHandler = (...args: any[]) => unknown

type Answer = (...answer: unknown[]) => unknown

/** Lambda's context, of which others may pass any part, or nothing. That of a durable function has it in it. */
type Context = (InvocationContext & { lambdaContext?: InvocationContext } & Record<string, unknown>) | null | undefined

/**
 * Wraps a Lambda handler, so that the environment's pools know when an invocation begins and ends. The wrapper has the handler's
 * type and behaves like it: async, callback or streaming. Whatever else the handler has (marks, properties, methods) stays its own.
 *
 * An invocation lasts until it is answered: until the promise that the handler returned settles, the callback that it was given is
 * called, or `context.done`, `succeed` or `fail` is (on runtimes up to `nodejs22.x`); or, where it has none of these, until it returns.
 * Where a framework for HTTP hands it a response in the context's place, and it returns no promise, it lasts until that is sent. Where its
 * client hangs up before, what the handler still does is left alone.
 *
 * @example
 * ```ts
 * const pool = createPool({ connectionString: process.env.DATABASE_URL })
 *
 * export const handler = wrapHandler(async (event: { id: string }) => {
 *   const { rows } = await pool.query('SELECT * FROM orders WHERE id = $1', [event.id])
 *   return rows[0]
 * })
 * ```
 *
 * @throws {TypeError} when `handler` is not a function.
 */
export function wrapHandler<H extends AnyHandler>(handler: H): H {
  if (!isFunction(handler)) {
    throw new TypeError(`Expected \`handler\` to be a function, got \`${String(handler)}\` (${typeof handler})`)
  }
  const manager = poolManager()
  return new Proxy(handler, {
    apply(target, self, args: unknown[]) {
      const call = () => Reflect.apply(target, self, args)
      // A streaming handler gets the stream before it, and a program's own call of it perhaps nothing else.
      const timed = args.findIndex((it) => isFunction((it as Context)?.getRemainingTimeInMillis))
      const place = timed < 0 ? 1 : timed
      const context = args[place] as Context
      const own = context?.lambdaContext ?? context
      const inside = manager.inside(own?.awsRequestId)
      // Wrapped twice, the outer one counts.
      if (inside !== undefined && !inside.isEntered) return call()
      return invoke(manager, inside ?? manager.begin(own), call, args, place)
    },
  })
}

/** One invocation, whose every answer is passed on once it has ended. */
function invoke(
  manager: PoolManager,
  invocation: Invocation,
  call: () => unknown,
  args: unknown[],
  place: number,
): unknown {
  const context = args[place] as Context
  const end = manager.join(invocation)
  const pass = (answer: () => unknown): unknown => {
    const ended = end()
    return ended === undefined ? answer() : ended.then(answer)
  }
  let canAnswer = false
  const passing = (answer: Answer): Answer => {
    canAnswer = true
    return (...given) => pass(() => answer(...given))
  }
  if (context) args[place] = withAnswers(context, passing)
  // A callback is the last of them, in whichever place: events of Cloud Run functions have no context before it.
  const last = args.at(-1)
  if (args.length > 1 && isFunction(last)) args[args.length - 1] = passing(last)

  try {
    const returned = manager.run(invocation, call)
    if (isFunction((returned as PromiseLike<unknown> | undefined)?.then)) return endWith(end, returned)
    if (isOpenResponse(args[1])) {
      const response = args[1]
      response.once('finish', () => void end())
      // Whoever hangs up takes nothing back: the handler goes on, and does not say when it is done.
      response.once('close', () => void (response.writableFinished ? end() : manager.leave(invocation)))
      return returned
    }
    return canAnswer ? returned : pass(() => returned)
  } catch (error) {
    return pass(() => {
      throw error
    })
  }
}

async function endWith(end: () => Promise<void> | undefined, returned: unknown): Promise<unknown> {
  try {
    return await returned
  } finally {
    await end()
  }
}

/** The same context, but for the functions that answer. A view: overlapping invocations may share the given one. */
function withAnswers(context: NonNullable<Context>, passing: (answer: Answer) => Answer): object {
  const answers = new Map<unknown, Answer>()
  for (const name of ['done', 'succeed', 'fail']) {
    const answer = context[name]
    if (isFunction(answer)) answers.set(answer, passing(answer.bind(context)))
  }
  if (answers.size === 0) return context
  // What is frozen, a proxy has to show as it is.
  const target = Object.isFrozen(context) ? { __proto__: Object.getPrototypeOf(context), ...context } : context
  return new Proxy(target, {
    get(_target, key) {
      const value: unknown = Reflect.get(context, key)
      return answers.get(value) ?? value
    },
  })
}

/** Frameworks for HTTP give the handler a response in the context's place, which may also end in an error, or with its connection. */
function isOpenResponse(value: unknown): value is ServerResponse {
  const response = value as Partial<ServerResponse> | null | undefined
  return isFunction(response?.writeHead) && !response.closed
}

function isFunction(value: unknown): value is Answer {
  return typeof value === 'function'
}
