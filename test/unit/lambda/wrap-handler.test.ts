import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { wrapHandler } from '../../../src/lambda/wrap-handler'
import { environment, type LivePool } from '../../../src/registry/environment'

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')

let events: string[]
let restoring: Promise<void> | undefined
let pool: LivePool

beforeEach(() => {
  events = []
  restoring = undefined
  pool = {
    pool: {},
    name: undefined,
    pooling: 'auto',
    min: 1,
    leaseMillis: 75_000,
    madeWith: () => false,
    wake: () => {},
    trim: () => void events.push('end'),
    goodbye: async () => {},
    reclaim: () => {},
    isOpen: true,
    get isRestoring() {
      return restoring !== undefined
    },
    restored: async () => restoring,
  }
  environment().pools.add(pool)
})
afterEach(() => void environment().pools.delete(pool))

function owedRollback(): { finish: () => void } {
  let finish: () => void = () => {}
  restoring = new Promise((resolve) => {
    finish = resolve
  })
  return { finish: () => finish() }
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
    expect(events).toEqual(['handler', 'end', 'answered'])
  })

  it('rejects as the handler does, and ends the invocation', async () => {
    const handler = wrapHandler(async () => {
      throw new Error('handler')
    })
    await expect(handler()).rejects.toThrow('handler')
    expect(events).toEqual(['end'])
  })

  it('throws as the handler does, and ends the invocation', () => {
    const handler = wrapHandler(() => {
      throw new Error('sync')
    })
    expect(() => handler()).toThrow('sync')
    expect(events).toEqual(['end'])
  })

  it('ends at once for a handler that returns no promise', () => {
    const handler = wrapHandler((_event: unknown, _context: unknown) => 'plain')
    expect(handler({}, context)).toBe('plain')
    expect(events).toEqual(['end'])
  })

  it('ends at once for a handler that ignores the callback which it is given', () => {
    const handler = wrapHandler((_event: unknown) => 'plain') as (...args: unknown[]) => unknown
    expect(handler({}, context, () => {})).toBe('plain')
    expect(events).toEqual(['end'])
  })

  it('ends when a callback handler calls back, before Lambda hears of it', () => {
    let callBack: () => void = () => {}
    const handler = wrapHandler((_event: unknown, _context: unknown, callback: (error: null, n: number) => void) => {
      callBack = () => callback(null, 7)
    })
    handler({}, context, (...result) => events.push(`callback ${result[1]}`))
    expect(events).toEqual([])
    callBack()
    expect(events).toEqual(['end', 'callback 7'])
  })

  it('waits for a rollback that is owed before it answers', async () => {
    const rollback = owedRollback()
    const answered = wrapHandler(async () => 'done')().then((it) => events.push(it))
    await new Promise(setImmediate)
    expect(events).toEqual(['end'])
    rollback.finish()
    await answered
    expect(events).toEqual(['end', 'end', 'done'])
  })

  it('waits for a rollback that is owed before it calls back', async () => {
    const rollback = owedRollback()
    const handler = wrapHandler((_event: unknown, _context: unknown, callback: () => void) => callback())
    const called = new Promise<void>((resolve) => handler({}, context, resolve)).then(() => events.push('called'))
    await new Promise(setImmediate)
    expect(events).toEqual(['end'])
    rollback.finish()
    await called
    expect(events).toEqual(['end', 'end', 'called'])
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

  it('looks to Lambda like the handler: length, name and the marks of streaming', () => {
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

  it('finds the context of a streaming handler in third place', async () => {
    const handler = wrapHandler(async (_event: unknown, _stream: unknown, _context: unknown) => remaining())
    expect(await handler({}, { write: () => true }, context)).toBeLessThanOrEqual(3000)
  })

  it('counts once when it is wrapped twice', async () => {
    await wrapHandler(wrapHandler(async () => events.push('handler')))()
    expect(events).toEqual(['handler', 'end'])
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

  it('calls back in order when a handler does so twice', async () => {
    const rollback = owedRollback()
    const heard: number[] = []
    const handler = wrapHandler((_event: unknown, _context: unknown, callback: (n: number) => void) => {
      callback(1)
      callback(2)
    })
    handler({}, context, (n) => heard.push(n))
    rollback.finish()
    await new Promise(setImmediate)
    expect(heard).toEqual([1, 2])
  })

  it('refuses what is no function', () => {
    expect(() => wrapHandler('index.handler' as never)).toThrow(
      'Expected `handler` to be a function, got `index.handler` (string)',
    )
  })
})
