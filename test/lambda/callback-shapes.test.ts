import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { wrapHandler } from '../../src/index'
import { openPool as open, pool } from '../support/pool-under-test'

vi.hoisted(() => {
  process.env.AWS_LAMBDA_FUNCTION_NAME = 'orders'
})

type Callback = (error: unknown, answer?: unknown) => void
interface Context {
  succeed: (answer: unknown) => void
  fail: (error: unknown) => void
  done: Callback
}
// biome-ignore lint/suspicious/noExplicitAny: handlers of every shape
type Shape = (...args: any[]) => unknown

/** Works with the database for a while, and then answers. */
function work(answer: (got: string) => void): void {
  pool.query('SELECT pg_sleep(0.1)', (error) => {
    if (error) return answer((error as { code?: string }).code ?? error.message)
    // Still in the call: nothing has been answered.
    setTimeout(() => {
      pool.query('SELECT 1').then(
        () => answer('ok'),
        (it) => answer(it.code),
      )
    }, 20)
  })
}

function plain(_event: unknown, _context: Context, callback: Callback): void {
  work((got) => callback(null, got))
}

const shapes: Record<string, Shape> = {
  plain,
  bound: plain.bind(null),
  rest: (...args: [unknown, Context, Callback]) => plain(...args),
  'a default parameter': (event: unknown, context: Context, callback: Callback = () => {}) =>
    plain(event, context, callback),
  'every parameter has a default': (event = {}, context = {} as Context, callback: Callback = () => {}) =>
    plain(event, context, callback),
  arguments: function (this: unknown, event: unknown, context: Context) {
    // biome-ignore lint/complexity/noArguments: that is the shape
    plain(event, context, arguments[2] as Callback)
  },
  'a proxy': new Proxy(plain, {}),
  'an error': (_event: unknown, _context: Context, callback: Callback) => work((got) => callback(got)),
  'some value returned': (event: unknown, context: Context, callback: Callback) => {
    plain(event, context, callback)
    return true
  },
  'no third parameter': (_event: unknown, { done }: Context) => work((got) => done(null, got)),
  'context.succeed': (_event: unknown, context: Context) => work((got) => context.succeed(got)),
  'context.fail': (_event: unknown, context: Context) => work((got) => context.fail(got)),
  'context.done': (_event: unknown, context: Context) => work((got) => context.done(null, got)),
  'context.done with an error': (_event: unknown, context: Context) => work((got) => context.done(got)),
  'a promise': () => new Promise((resolve) => work(resolve)),
  'a thenable': () => {
    const answered = new Promise((resolve) => work(resolve))
    return Object.defineProperty({}, 'then', { value: answered.then.bind(answered) })
  },
  'an async handler that calls back': async (event: unknown, context: Context, callback: Callback) => {
    await new Promise<void>((resolve) => {
      plain(event, context, (...answer) => {
        callback(...answer)
        resolve()
      })
    })
  },
}

/** Calls a wrapped handler as the runtime of Node.js 22 and before does. */
async function call(handler: Shape, millis = 3000): Promise<unknown> {
  const end = performance.now() + millis
  let answer: (got: unknown) => void = () => {}
  const answered = new Promise((resolve) => {
    answer = resolve
  })
  const context = {
    getRemainingTimeInMillis: () => end - performance.now(),
    succeed: (got: unknown) => answer(got),
    fail: (error: unknown) => answer(error),
    done: (error: unknown, got: unknown) => answer(error ?? got),
  }
  const returned = wrapHandler(handler)({}, context, (error: unknown, got: unknown) => answer(error ?? got))
  if (typeof (returned as PromiseLike<unknown> | undefined)?.then === 'function') {
    void (returned as PromiseLike<unknown>).then((got) => got !== undefined && answer(got), answer)
  }
  return Promise.race([answered, pause(millis, 'no answer')])
}

describe('a handler is over when it has answered, whatever it looks like', () => {
  it.each(Object.keys(shapes))('%s', async (name) => {
    open({ max: 2 })
    const handler = shapes[name] as Shape
    expect(await call(handler)).toBe('ok')
    expect(await call(handler), 'of the second call').toBe('ok')
    expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0 })
    expect(pool.stats().retired.reclaimed).toBe(0)
  })

  it.each(['plain', 'rest', 'context.succeed', 'context.done'])(
    'and what it left behind is taken back then (%s)',
    async (name) => {
      open({ max: 1, connectionTimeoutMillis: 500, ...{ lingerMillis: 30 } })
      const handler = shapes[name] as Shape
      const leaves: Shape = (event, context, callback) => {
        // Whoever answers first leaves this one out.
        const leave = (then: () => void) => pool.connect().then(then, then)
        const late: Callback = (error, got) => void leave(() => callback(error, got))
        const inner = { ...context }
        for (const way of ['succeed', 'fail', 'done'] as const) {
          inner[way] = (...got: unknown[]) => void leave(() => context[way](...got))
        }
        return handler(event, inner, late)
      }
      expect(await call(leaves)).toBe('ok')
      expect(await call(shapes.plain as Shape)).toBe('ok')
      expect(pool.stats().lent).toBe(0)
    },
  )

  it('and one that has no time left is not waited for', async () => {
    open({ max: 1 })
    expect(await call(() => void pool.connect(), 300)).toBe('no answer')
    await pause(20)
    expect(await call(shapes.plain as Shape)).toBe('ok')
  })
})
