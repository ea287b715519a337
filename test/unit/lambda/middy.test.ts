import middy from '@middy/core'
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import { pooled } from '../../../src/lambda/faces/middy'
import { wrapHandler } from '../../../src/lambda/wrap-handler'
import { environment, type LivePool } from '../../../src/registry/environment'

let events: string[]
/** Work that nobody awaits. */
let lingering: Promise<void> | undefined
let pool: LivePool

beforeEach(() => {
  events = []
  lingering = undefined
  pool = {
    pool: {},
    name: undefined,
    pooling: 'auto',
    min: 1,
    held: [],
    lingerMillis: 60_000,
    madeWith: () => false,
    // By the first of those that are open at the same time.
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
      return false
    },
    restored: async () => {},
  }
  environment().pools.add(pool)
})
afterEach(() => void environment().pools.delete(pool))

function contextOf(awsRequestId: string, millis = 3000) {
  return { awsRequestId, getRemainingTimeInMillis: () => millis } as never
}

function remaining(): number | undefined {
  return environment().currentInvocation?.()?.remainingMillis()
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function say(what: string): Promise<void> {
  await turn()
  events.push(what)
}

/** A middleware that asks the database in each of its steps. */
const talkative = {
  before: () => say(`before ${remaining()}`),
  after: () => say(`after ${remaining()}`),
  onError: () => say(`onError ${remaining()}`),
}
const within = expect.stringMatching(/ \d+(\.\d+)?$/)

describe('the middleware of middy', () => {
  it('has handler and other middlewares run inside of one invocation, whose deadline they have', async () => {
    const handler = middy<{ n: number }, number>()
      .use(pooled())
      .use(talkative)
      .handler(async (event) => {
        await say(`handler ${remaining()}`)
        return event.n
      })
    expect(await handler({ n: 7 }, contextOf('a'))).toBe(7)
    events.push('answered')
    expect(events).toEqual(['begin', within, within, within, 'end', 'answered'])
    expect(events[1]).toMatch(/^before/)
    expect(events[3]).toMatch(/^after/)
  })

  it('ends it after an error, which stays what it was', async () => {
    const failure = new Error('of the handler')
    const handler = middy()
      .use(pooled())
      .use(talkative)
      .handler(async () => {
        throw failure
      })
    await expect(handler({}, contextOf('a'))).rejects.toBe(failure)
    expect(events).toEqual(['begin', within, within, 'end'])
  })

  it('lets another one answer for an error', async () => {
    const handler = middy()
      .use(pooled())
      .onError((request) => {
        request.response = 'mended'
      })
      .handler(async () => {
        throw new Error('of the handler')
      })
    expect(await handler({}, contextOf('a'))).toBe('mended')
    expect(events).toEqual(['begin', 'end'])
  })

  it('has the answer wait for work that was not awaited', async () => {
    let finish: () => void = () => {}
    const handler = middy()
      .use(pooled())
      .handler(async () => {
        lingering = new Promise((resolve) => {
          finish = () => {
            lingering = undefined
            resolve()
          }
        })
        return 'done'
      })
    const answered = handler({}, contextOf('a')).then((it) => events.push(String(it)))
    for (let turns = 0; turns < 5; turns += 1) await turn()
    expect(events).toEqual(['begin'])
    finish()
    await answered
    expect(events).toEqual(['begin', 'end', 'done'])
  })

  describe('ends the invocation where middy goes past it, because another one', () => {
    const handle = async () => say('handler')
    it.each<[string, () => unknown, string[]]>([
      [
        'answers ahead of the handler',
        () =>
          middy()
            .use(pooled())
            .before(() => 'early')
            .handler(handle),
        [],
      ],
      [
        'answers nothing ahead of the handler',
        () =>
          middy()
            .use(pooled())
            .before((request) => {
              Object.assign(request, { earlyResponse: undefined })
            })
            .handler(handle),
        [],
      ],
      [
        'answers after it',
        () =>
          middy()
            .use(pooled())
            .after(() => 'early')
            .handler(handle),
        ['handler'],
      ],
      [
        'answers for an error',
        () =>
          middy()
            .use(pooled())
            .onError(() => 'early')
            .handler(async () => {
              throw new Error('of the handler')
            }),
        [],
      ],
      [
        'throws while it handles an error',
        () =>
          middy()
            .use(pooled())
            .onError(() => {
              throw new Error('of the middleware')
            })
            .handler(async () => {
              throw new Error('of the handler')
            }),
        [],
      ],
    ])('%s', async (_, make, said) => {
      const handler = make() as (event: unknown, context: unknown) => Promise<unknown>
      await handler({}, contextOf('a')).catch((error) => expect(error.message).toBe('of the middleware'))
      expect(events).toEqual(['begin', ...said, 'end'])
      await handler({}, contextOf('b')).catch(() => {})
      expect(events.filter((it) => it === 'begin')).toHaveLength(2)
    })
  })

  it('ends it where middy answers in the place of a handler that is late', async () => {
    const handler = middy({ timeoutEarlyInMillis: 5 })
      .use(pooled())
      .handler(() => new Promise(() => {}))
    await expect(handler({}, contextOf('a', 30))).rejects.toThrow('aborted')
    expect(events).toEqual(['begin', 'end'])
  })

  it('is harmless where it never came to its turn', async () => {
    const early = middy()
      .before(() => 'early')
      .use(pooled())
      .handler(async () => {})
    const failing = middy()
      .before(() => {
        throw new Error('of the middleware')
      })
      .use(pooled())
      .handler(async () => {})
    expect(await early({}, contextOf('a'))).toBe('early')
    await expect(failing({}, contextOf('a'))).rejects.toThrow('of the middleware')
    expect(events).toEqual([])
  })

  it('shows no early answer to whoever asks for one, and lets others put into the request what they like', async () => {
    const seen: unknown[] = []
    const handler = middy()
      .use(pooled())
      .before((request) => {
        seen.push('earlyResponse' in request)
        Object.assign(request, { tenant: 'a' })
      })
      .handler(async () => {})
      .after((request) => {
        seen.push({ ...request })
      })
    await handler({ id: 1 }, contextOf('a'))
    expect(seen).toEqual([false, expect.objectContaining({ event: { id: 1 }, tenant: 'a' })])
  })

  it('takes a call without a context, as in tests', async () => {
    const handler = middy()
      .use(pooled())
      .handler(async () => remaining())
    expect(await handler({}, undefined as never)).toBe(Infinity)
    expect(events).toEqual(['begin', 'end'])
  })

  it("finds Lambda's context in that of a durable function", async () => {
    const handler = middy()
      .use(pooled())
      .handler(async () => remaining())
    expect(await handler({}, { lambdaContext: contextOf('a') } as never)).toBeLessThanOrEqual(3000)
  })

  it('is of a type that middy takes', () => {
    expectTypeOf(pooled()).toExtend<middy.MiddlewareObj<{ id: string }, number>>()
    const handler = middy<{ id: string }, number>()
      .use(pooled())
      .handler(async (event) => {
        expectTypeOf(event).toEqualTypeOf<{ id: string }>()
        return 1
      })
    expectTypeOf(handler({ id: '' }, contextOf('a'))).resolves.toEqualTypeOf<number>()
  })
})

describe('one call is one invocation', () => {
  const one = ['begin', 'handler', 'end']

  it.each<[string, () => unknown]>([
    [
      'with the middleware in a wrapped handler',
      () =>
        wrapHandler(
          middy()
            .use(pooled())
            .handler(() => say('handler')),
        ),
    ],
    [
      'with a wrapped handler in middy',
      () =>
        middy()
          .use(pooled())
          .handler(wrapHandler(() => say('handler'))),
    ],
    [
      'with the middleware twice',
      () =>
        middy()
          .use([pooled(), pooled()])
          .handler(() => say('handler')),
    ],
    [
      'with middy in middy',
      () =>
        middy()
          .use(pooled())
          .handler(
            middy()
              .use(pooled())
              .handler(() => say('handler')),
          ),
    ],
  ])('%s', async (_, make) => {
    const handler = make() as (event: unknown, context: unknown) => Promise<unknown>
    await handler({}, contextOf('a'))
    expect(events).toEqual(one)
    await handler({}, contextOf('b'))
    expect(events).toEqual([...one, ...one])
  })
})

describe('calls that overlap, begun in one step,', () => {
  it.each([
    ['without a request of their own', () => ({})],
    ['for one request, as a batch handler calls another for each of its records', () => contextOf('a')],
  ])('are one invocation %s, which lasts as long as the longest', async (_, make) => {
    const handler = middy<string>()
      .use(pooled())
      .handler(async (event) => {
        if (event === 'slow') for (let n = 0; n < 5; n += 1) await turn()
        events.push(event)
      })
    const wrapped = wrapHandler(async (event: string, _context: unknown) => {
      for (let n = 0; n < 3; n += 1) await turn()
      events.push(event)
    })
    const context = make() as never
    await Promise.all([handler('quick', context), handler('slow', context), wrapped('wrapped', context)])
    expect(events).toEqual(['begin', 'quick', 'wrapped', 'slow', 'end'])
    await handler('alone', make() as never)
    expect(events.slice(-3)).toEqual(['begin', 'alone', 'end'])
  })

  it('are invocations of their own, each with its own time', async () => {
    const seen: Record<string, number | undefined> = {}
    const handle = async (event: string) => {
      await turn()
      seen[event] = remaining()
    }
    const handler = middy<string>().use(pooled()).handler(handle)
    const wrapped = wrapHandler((event: string, _context: unknown) => handle(event))
    await Promise.all([
      handler('a', contextOf('a', 10_000)),
      handler('b', contextOf('b', 20_000)),
      wrapped('c', contextOf('c', 30_000)),
    ])
    const times = Object.entries(seen).map(([name, millis]) => [name, Math.ceil((millis ?? 0) / 10_000)])
    expect(Object.fromEntries(times)).toEqual({ a: 1, b: 2, c: 3 })
    expect(events).toEqual(['begin', 'end'])
    await handler('d', contextOf('d'))
    expect(events).toEqual(['begin', 'end', 'begin', 'end'])
  })
})
