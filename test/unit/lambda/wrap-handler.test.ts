import { once } from 'node:events'
import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { wrapHandler } from '../../../src/lambda/wrap-handler'
import { environment, type LivePool } from '../../../src/registry/environment'

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')

type Loose = (...args: unknown[]) => unknown

let events: string[]
let restoring: Promise<void> | undefined
let lingering: Promise<void> | undefined
let pool: LivePool

beforeEach(() => {
  events = []
  restoring = undefined
  lingering = undefined
  pool = {
    pool: {},
    name: undefined,
    pooling: 'auto',
    min: 1,
    held: [],
    lingerMillis: 60_000,
    madeWith: () => false,
    wake: () => void events.push('begin'),
    trim: () => {},
    goodbye: async () => {},
    isBusy: () => lingering !== undefined,
    quiet: async () => lingering,
    reclaim: () => {},
    isOpen: true,
    // Asked when the last open invocation is over.
    get isRestoring() {
      events.push('end')
      return restoring !== undefined
    },
    restored: async () => restoring,
  }
  environment().pools.add(pool)
})
afterEach(() => void environment().pools.delete(pool))

function owed(): { promise: Promise<void>; finish: () => void } {
  let finish: () => void = () => {}
  const promise = new Promise<void>((resolve) => {
    finish = resolve
  })
  return { promise, finish: () => finish() }
}

function owedRollback(): { finish: () => void } {
  const { promise, finish } = owed()
  restoring = promise
  return { finish }
}

/** Work that nobody awaits. */
function leftWork(): { finish: () => void } {
  const { promise, finish } = owed()
  lingering = promise
  return {
    finish: () => {
      lingering = undefined
      finish()
    },
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Lambda's context as runtimes up to nodejs22.x make it; its answers are written down. */
function answeringContext(): Record<'done' | 'succeed' | 'fail', Loose> & typeof context {
  const answer =
    (name: string): Loose =>
    (...args) =>
      void events.push(`${name} ${args.join()}`)
  return { ...context, done: answer('done'), succeed: answer('succeed'), fail: answer('fail') }
}

const context = { getRemainingTimeInMillis: () => 3000 }

function remaining(): number | undefined {
  return environment().currentInvocation?.()?.remainingMillis()
}

describe('a wrapped handler', () => {
  it('answers as the handler does, and ends the invocation before', async () => {
    const handler = wrapHandler(async (event: { n: number }, _context: unknown) => {
      events.push('handler')
      return event.n + 1
    })
    const answer = await handler({ n: 1 }, context)
    events.push('answered')
    expect(answer).toBe(2)
    expect(events).toEqual(['begin', 'handler', 'end', 'answered'])
  })

  it('rejects as the handler does, and ends the invocation', async () => {
    const failure = new Error('handler')
    const handler = wrapHandler(async () => {
      throw failure
    })
    await expect(handler()).rejects.toBe(failure)
    expect(events).toEqual(['begin', 'end'])
  })

  it('throws as the handler does, and ends the invocation', () => {
    const handler = wrapHandler(() => {
      throw new Error('sync')
    })
    expect(() => handler()).toThrow('sync')
    expect(events).toEqual(['begin', 'end'])
  })

  it('is over when it has returned, where it has no other way to answer', () => {
    const handler = wrapHandler((_event: unknown, _context: unknown) => 'plain')
    expect(handler({}, context)).toBe('plain')
    expect(events).toEqual(['begin', 'end'])
  })

  it('waits for any object with a then', async () => {
    const { promise, finish } = owed()
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    const handler = wrapHandler(() => ({ then: promise.then.bind(promise) }))
    const answered = Promise.resolve(handler())
    await turn()
    expect(events).toEqual(['begin'])
    finish()
    await answered
    expect(events).toEqual(['begin', 'end'])
  })

  it('carries the deadline into the handler and what it awaits', async () => {
    const handler = wrapHandler(async (_event: unknown, _context: unknown) => {
      const before = remaining()
      await Promise.resolve()
      return [before, remaining()]
    })
    const [before, after] = await handler({}, context)
    expect(before).toBeGreaterThan(2000)
    expect(before).toBeLessThanOrEqual(3000)
    expect(after).toBeLessThanOrEqual(before ?? 0)
    expect(remaining()).toBeUndefined()
  })

  it('finds the context of a call that has nothing else', async () => {
    const handler = wrapHandler(async (_context: unknown) => remaining())
    expect(await handler({ getRemainingTimeInMillis: () => 7000 })).toBeGreaterThan(6000)
  })

  it('finds the context of a streaming handler in third place', async () => {
    const handler = wrapHandler(async (_event: unknown, _stream: unknown, _context: unknown) => remaining())
    expect(await handler({}, { write: () => true }, context)).toBeLessThanOrEqual(3000)
  })

  it("finds Lambda's context in that of a durable function", async () => {
    const handler = wrapHandler(async (_event: unknown, _context: unknown) => remaining())
    expect(await handler({}, { lambdaContext: context })).toBeLessThanOrEqual(3000)
  })

  it.each([[[]], [[{}]], [[{}, null]], [[{}, undefined, undefined]], [[{}, 'x', null]]])(
    'takes the arguments that it is given: %j',
    async (args) => {
      const handler = wrapHandler(async (...given: unknown[]) => [given, remaining()]) as Loose
      expect(await handler(...args)).toEqual([args, Number.POSITIVE_INFINITY])
    },
  )

  it('counts once when it is wrapped twice', async () => {
    await wrapHandler(wrapHandler(async () => events.push('handler')))()
    expect(events).toEqual(['begin', 'handler', 'end'])
  })

  it('hands on what `this` was', () => {
    const holder = {
      name: 'holder',
      handler: wrapHandler(function (this: { name: string }) {
        return this.name
      }),
    }
    expect(holder.handler()).toBe('holder')
  })

  it('refuses what is no function', () => {
    expect(() => wrapHandler('index.handler' as never)).toThrow(
      'Expected `handler` to be a function, got `index.handler` (string)',
    )
    expect(() => wrapHandler(undefined as never)).toThrow(
      new TypeError('Expected `handler` to be a function, got `undefined` (undefined)'),
    )
  })
})

describe('the function that is wrapped', () => {
  it('looks to Lambda as before: length, name and the marks of streaming', () => {
    async function stream(_event: unknown, _responseStream: unknown, _context: unknown): Promise<void> {}
    Reflect.set(stream, STREAMING, 'response')
    Reflect.set(stream, HIGH_WATER_MARK, 64)
    const wrapped = wrapHandler(stream)
    expect([wrapped.length, wrapped.name]).toEqual([3, 'stream'])
    expect([Reflect.get(wrapped, STREAMING), Reflect.get(wrapped, HIGH_WATER_MARK)]).toEqual(['response', 64])
    expect(
      Reflect.has(
        wrapHandler(async () => {}),
        STREAMING,
      ),
    ).toBe(false)
  })

  it('keeps its properties, hidden ones too, and its methods act on it', async () => {
    const used: string[] = []
    const engine = Object.assign(async () => used.join(), {
      route: '/orders',
      use(middleware: string) {
        used.push(middleware)
        return this
      },
    })
    Object.defineProperty(engine, 'hidden', { value: 'h', enumerable: false })
    const wrapped = wrapHandler(engine)
    expect([wrapped.route, Reflect.get(wrapped, 'hidden')]).toEqual(['/orders', 'h'])
    expect(wrapped.use('one').use('two')).toBe(wrapped)
    expect(await wrapped()).toBe('one,two')
    expect(events).toEqual(['begin', 'end'])
  })
})

describe('a handler that calls back', () => {
  const shapes: [string, (answer: (callback: Loose) => void) => Loose][] = [
    ['plain', (answer) => (_event, _context, callback) => answer(callback as Loose)],
    [
      'bound',
      (answer) => ((_event: unknown, _context: unknown, callback: Loose) => answer(callback)).bind(null) as Loose,
    ],
    [
      'with rest parameters',
      (answer) =>
        (...args) =>
          answer(args[2] as Loose),
    ],
    [
      'with a default parameter',
      (answer) =>
        (_event, _context, callback = () => {}) =>
          answer(callback as Loose),
    ],
    [
      'with arguments',
      (answer) =>
        function () {
          // biome-ignore lint/complexity/noArguments: that is what is tested
          answer(arguments[2])
        },
    ],
  ]
  it.each(shapes)('lasts until it does, before Lambda hears of it: %s', (_name, shape) => {
    let callBack: () => void = () => {}
    const handler = wrapHandler(
      shape((callback) => {
        callBack = () => callback(null, 7)
      }),
    )
    handler({}, context, (...result: unknown[]) => events.push(`callback ${result[1]}`))
    expect(events).toEqual(['begin'])
    callBack()
    expect(events).toEqual(['begin', 'end', 'callback 7'])
  })

  it('lasts on where it ignores the callback that it is given', () => {
    const handler = wrapHandler((_event: unknown) => 'plain') as Loose
    const deadline = { getRemainingTimeInMillis: () => 0 }
    expect(handler({}, deadline, () => {})).toBe('plain')
    expect(events).toEqual(['begin'])
    // Gives that one up, whose time is over.
    wrapHandler(() => {})()
    expect(events).toEqual(['begin', 'begin', 'end'])
  })

  it('ends once, at the first answer, where it returns a promise as well', async () => {
    const handler = wrapHandler(async (_event: unknown, _context: unknown, callback: Loose) => {
      callback(null, 'called')
      await turn()
      return 'returned'
    })
    expect(await handler({}, context, (...result) => events.push(`callback ${result[1]}`))).toBe('returned')
    expect(events).toEqual(['begin', 'end', 'callback called'])
  })

  it('ends once where it calls back and throws', () => {
    const handler = wrapHandler((_event: unknown, _context: unknown, callback: Loose) => {
      callback(null)
      throw new Error('after')
    })
    expect(() => handler({}, context, () => events.push('callback'))).toThrow('after')
    expect(events).toEqual(['begin', 'end', 'callback'])
  })

  it('calls back in order when it does so twice', async () => {
    const rollback = owedRollback()
    const heard: number[] = []
    const handler = wrapHandler((_event: unknown, _context: unknown, callback: (n: number) => void) => {
      callback(1)
      callback(2)
    })
    handler({}, context, (n) => heard.push(n))
    expect(heard).toEqual([])
    rollback.finish()
    await turn()
    expect(heard).toEqual([1, 2])
    expect(events).toEqual(['begin', 'end'])
  })
})

describe("a handler that answers through its context, on Lambda's older runtimes,", () => {
  it.each([
    ['done', [null, 'x'], 'done ,x'],
    ['succeed', ['x'], 'succeed x'],
    ['fail', ['x'], 'fail x'],
  ] as const)('lasts until it calls %s', (name, answer, heard) => {
    let callBack: () => void = () => {}
    const handler = wrapHandler((_event: unknown, given: ReturnType<typeof answeringContext>) => {
      callBack = () => given[name](...answer)
    })
    handler({}, answeringContext())
    expect(events).toEqual(['begin'])
    callBack()
    expect(events).toEqual(['begin', 'end', heard])
  })

  it('may still answer by a promise', async () => {
    const handler = wrapHandler(async (_event: unknown, _context: unknown) => 'promised')
    expect(await handler({}, answeringContext())).toBe('promised')
    expect(events).toEqual(['begin', 'end'])
  })

  class FunctionContext {
    readonly awsRequestId = 'a'
    succeed = (answer: unknown) => void events.push(`succeed ${answer}`)
    getRemainingTimeInMillis(): number {
      return 3000
    }
  }
  it.each([
    ['as it comes', new FunctionContext()],
    ['frozen', Object.freeze(new FunctionContext())],
  ])('sees everything else of a context %s', async (_kind, given) => {
    const seen = wrapHandler((_event: unknown, inside: FunctionContext) => {
      inside.succeed('x')
      return [{ ...inside, succeed: 0 }, inside.getRemainingTimeInMillis(), inside instanceof FunctionContext]
    })({}, given)
    expect(seen).toEqual([{ awsRequestId: 'a', succeed: 0 }, 3000, true])
    expect(events).toEqual(['begin', 'end', 'succeed x'])
  })

  it('changes the context that it was given, whose answers stay as they are', () => {
    const given: ReturnType<typeof answeringContext> & { callbackWaitsForEmptyEventLoop?: boolean } = answeringContext()
    const { done } = given
    wrapHandler((_event: unknown, inside: typeof given) => {
      inside.callbackWaitsForEmptyEventLoop = false
      inside.done()
    })({}, given)
    expect([given.callbackWaitsForEmptyEventLoop, given.done]).toEqual([false, done])
  })

  it('gets a context without answers as it is', () => {
    expect(wrapHandler((_event: unknown, inside: unknown) => inside)({}, context)).toBe(context)
  })
})

describe('an answer', () => {
  const work: [string, () => { finish: () => void }][] = [
    ['work that was not awaited', leftWork],
    ['a rollback that is owed', owedRollback],
  ]
  describe.each(work)('waits for %s', (_what, begin) => {
    it('by a promise', async () => {
      const left = begin()
      const heard = vi.fn()
      const answered = wrapHandler(async () => 'done')().then(heard)
      await turn()
      expect(heard).not.toHaveBeenCalled()
      left.finish()
      await answered
      expect(heard).toHaveBeenCalledWith('done')
    })

    it("by a rejection, with the handler's own error", async () => {
      const left = begin()
      const failure = new Error('own')
      const heard = vi.fn()
      const answered = wrapHandler(async () => {
        throw failure
      })().catch(heard)
      await turn()
      expect(heard).not.toHaveBeenCalled()
      left.finish()
      await answered
      expect(heard).toHaveBeenCalledWith(failure)
    })

    it('by a callback', async () => {
      const left = begin()
      const heard = vi.fn()
      const handler = wrapHandler((_event: unknown, _context: unknown, callback: Loose) => callback(null, 'done'))
      const called = new Promise<void>((resolve) => {
        handler({}, context, (...result) => {
          heard(...result)
          resolve()
        })
      })
      await turn()
      expect(heard).not.toHaveBeenCalled()
      left.finish()
      await called
      expect(heard).toHaveBeenCalledWith(null, 'done')
    })

    it('by the context', async () => {
      const left = begin()
      const heard = vi.fn()
      const called = new Promise<void>((resolve) => {
        const succeed = (answer: unknown) => {
          heard(answer)
          resolve()
        }
        wrapHandler((_event: unknown, given: { succeed: Loose }) => void given.succeed('done'))({}, { succeed })
      })
      await turn()
      expect(heard).not.toHaveBeenCalled()
      left.finish()
      await called
      expect(heard).toHaveBeenCalledWith('done')
    })

    it('by a return, which becomes a promise', async () => {
      const left = begin()
      const returned: unknown = wrapHandler(() => 'done')()
      expect(returned).toBeInstanceOf(Promise)
      left.finish()
      expect(await returned).toBe('done')
    })

    it('by a throw, which becomes a rejection', async () => {
      const left = begin()
      const returned: unknown = wrapHandler(() => {
        throw new Error('own')
      })()
      expect(returned).toBeInstanceOf(Promise)
      left.finish()
      await expect(returned).rejects.toThrow('own')
    })
  })
})

it('the callback of a wrapped handler may stand in the context’s place, as events of Cloud Run functions have it', () => {
  let callBack: () => void = () => {}
  const handler = wrapHandler((_event: unknown, callback: Loose) => {
    callBack = () => callback(null, 7)
  })
  handler({}, (...result: unknown[]) => events.push(`callback ${result[1]}`))
  expect(events).toEqual(['begin'])
  callBack()
  expect(events).toEqual(['begin', 'end', 'callback 7'])
})

describe('a wrapped handler of a framework for HTTP, which returns no promise', () => {
  /** Serves one request with it, and is done when both sides are. */
  async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<void> {
    const server = createServer((request, response) => {
      response.once('close', () => events.push('closed'))
      handler(request, response)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    try {
      const answer = await fetch(`http://127.0.0.1:${port}`).then((it) => it.text())
      events.push(`answer ${answer}`)
    } catch {
      events.push('no answer')
    }
    server.close()
    await once(server, 'close')
  }

  it('lasts until its response is sent, whether or not it was given what comes next', async () => {
    const handler = wrapHandler((_request: unknown, response: ServerResponse, _next?: Loose) => {
      setImmediate(() => {
        events.push('work')
        response.end('fine')
      })
    })
    for (const next of [[], [() => {}]]) {
      events = []
      await serve((request, response) => handler(request, response, ...next))
      expect(events.filter((it) => !/^(answer|closed)/.test(it))).toEqual(['begin', 'work', 'end'])
    }
  })

  it('is left alone where its client hangs up: what it asks for then is outside of any call, and nothing is cut off', async () => {
    const seen: unknown[] = []
    const current = () => environment().currentInvocation?.()
    let isDone: () => void = () => {}
    const done = new Promise<void>((resolve) => {
      isDone = resolve
    })
    const handler = wrapHandler((request: IncomingMessage, response: ServerResponse) => {
      seen.push(current() !== undefined)
      // In the handler's own async context, which a listener has not.
      void (async () => {
        await once(response, 'close')
        await new Promise(setImmediate)
        seen.push(current())
        isDone()
      })()
      request.socket.destroy()
    })
    await serve(handler)
    await done
    expect(seen).toEqual([true, undefined])
    expect(events.filter((it) => it !== 'no answer')).toEqual(['begin', 'closed'])
    events = []
    await wrapHandler(async () => {})()
    expect(events).toEqual(['begin', 'end'])
  })

  it('is over when its response is sent, also where that has no connection to close', () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    wrapHandler((_request: unknown, its: ServerResponse) => void its.end('fine'))({}, response)
    response.emit('finish')
    expect(events).toEqual(['begin', 'end'])
    response.emit('close')
    expect(events).toEqual(['begin', 'end'])
  })

  it('is over when it hands on its error, and at once where there is nothing left to wait for', async () => {
    const failing = wrapHandler(
      (_request: unknown, _response: ServerResponse, next: Loose) => void next(new Error('no')),
    )
    await serve((request, response) => {
      failing(request, response, (error: unknown) => {
        events.push(`next ${error}`)
        response.end()
      })
    })
    expect(events.slice(0, 3)).toEqual(['begin', 'end', 'next Error: no'])
    events = []
    const late = wrapHandler((_request: unknown, _response: object) => {})
    late({}, { writeHead: () => {}, closed: true })
    expect(events).toEqual(['begin', 'end'])
  })
})
