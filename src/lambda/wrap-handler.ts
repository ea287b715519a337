import { type PoolManager, poolManager } from './pool-manager.js'

// biome-ignore lint/suspicious/noExplicitAny: the one type that handlers of every event, context and result are assignable to
type AnyHandler = (...args: any[]) => unknown

/** The marks of a streaming handler, set by `awslambda.streamifyResponse` on the function itself. */
const STREAMING_MARKS = [
  Symbol.for('aws.lambda.runtime.handler.streaming'),
  Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark'),
]

/**
 * Wraps a Lambda handler, so that the environment's pools know when an invocation begins and ends. The wrapper has the handler's
 * type and behaves like it: async, callback or streaming.
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
  if (typeof handler !== 'function') {
    throw new TypeError(`Expected \`handler\` to be a function, got \`${String(handler)}\` (${typeof handler})`)
  }
  const manager = poolManager()
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    // Wrapped twice, the outer one counts.
    return manager.isInside ? handler.apply(this, args) : invoke(manager, handler.bind(this), handler.length, args)
  }
  // Lambda reads these off the function: the marks, and from the length whether it expects a callback.
  Object.defineProperty(wrapped, 'length', { value: handler.length, configurable: true })
  Object.defineProperty(wrapped, 'name', { value: handler.name, configurable: true })
  for (const mark of STREAMING_MARKS) {
    const value: unknown = Reflect.get(handler, mark)
    if (value !== undefined) Reflect.set(wrapped, mark, value)
  }
  return wrapped as unknown as H
}

/**
 * One invocation. It ends, once, when the promise that the handler returned settles; when the callback it was given is called; or,
 * if it returned no promise and takes no callback, when it has returned.
 */
function invoke(manager: PoolManager, handler: AnyHandler, length: number, args: unknown[]): unknown {
  const invocation = manager.begin(args.find(isTimed))
  const callback = args[2]
  if (typeof callback === 'function') {
    let restoring: Promise<void> | undefined
    args[2] = (...result: unknown[]) => {
      restoring ??= manager.end(invocation)
      if (restoring === undefined) callback(...result)
      else void restoring.then(() => callback(...result))
    }
  }
  try {
    const returned = manager.run(invocation, () => handler(...args))
    if (isThenable(returned)) return endWith(manager, invocation, returned)
    if (typeof callback !== 'function' || length < 3) manager.end(invocation)
    return returned
  } catch (error) {
    manager.end(invocation)
    throw error
  }
}

async function endWith(
  manager: PoolManager,
  invocation: ReturnType<PoolManager['begin']>,
  returned: PromiseLike<unknown>,
): Promise<unknown> {
  try {
    return await returned
  } finally {
    const restoring = manager.end(invocation)
    if (restoring !== undefined) await restoring
  }
}

function isTimed(argument: unknown): argument is { getRemainingTimeInMillis(): number } {
  return typeof argument === 'object' && argument !== null && 'getRemainingTimeInMillis' in argument
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
