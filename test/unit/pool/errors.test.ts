import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { AcquireTimeoutError, codeOf, DialError, PoolError, type PoolGauges, textOf } from '../../../src/pool/errors'

const addresses = () =>
  new AggregateError(
    ['127.0.0.1:1', '::1:1'].map((it) =>
      Object.assign(new Error(`connect ECONNREFUSED ${it}`), { code: 'ECONNREFUSED' }),
    ),
  )

const gauges: PoolGauges = {
  max: 1,
  total: 1,
  idle: 0,
  lent: 0,
  dialing: 1,
  validating: 0,
  returning: 0,
  closing: 0,
  waiting: 1,
}

describe('the error of several addresses', () => {
  it('tells them all, and their code', () => {
    expect(textOf(addresses())).toBe('connect ECONNREFUSED 127.0.0.1:1; connect ECONNREFUSED ::1:1')
    expect(codeOf(addresses())).toBe('ECONNREFUSED')
  })

  it('keeps a text and a code of its own', () => {
    const error = Object.assign(new AggregateError([new Error('one')], 'both failed'), { code: 'ETIMEDOUT' })
    expect(textOf(error)).toBe('both failed; one')
    expect(codeOf(error)).toBe('ETIMEDOUT')
  })

  it('is known whichever realm it is of, as those of Node.js are another one to a test of Jest', () => {
    const error = runInNewContext(
      `new AggregateError([Object.assign(new Error('one'), { code: 'ETIMEDOUT' }), new Error('two')])`,
    )
    expect(error).not.toBeInstanceOf(AggregateError)
    expect([textOf(error), codeOf(error)]).toEqual(['one; two', 'ETIMEDOUT'])
    expect(textOf(runInNewContext(`new TypeError('alone')`))).toBe('alone')
  })

  it('is none, or empty, without harm', () => {
    expect(codeOf(new AggregateError([]))).toBeUndefined()
    expect(codeOf({ code: 5, errors: [{ code: 'X' }] })).toBeUndefined()
    for (const cause of [undefined, null, 'text', 5]) expect(codeOf(cause)).toBeUndefined()
    expect(textOf(new AggregateError([]))).toBe('')
  })

  it('is told by its code or its name where it has no text', () => {
    expect(textOf(Object.assign(new Error(''), { code: 'EODD' }))).toBe('EODD')
    expect(textOf(new TypeError(''))).toBe('TypeError')
  })

  it('is told by the errors of a pool', () => {
    const all = 'connect ECONNREFUSED 127.0.0.1:1; connect ECONNREFUSED ::1:1'
    expect(new DialError(gauges, addresses(), true)).toMatchObject({
      code: 'ECONNREFUSED',
      message: expect.stringContaining(all),
    })
    expect(new AcquireTimeoutError('dial', 5, gauges, addresses()).message).toContain(all)
  })
})

describe('what trying again would mean', () => {
  it.each([
    ['POOL_ACQUIRE_TIMEOUT', 'safe'],
    ['POOL_ACQUIRE_ABORTED', 'safe'],
    ['POOL_QUEUE_FULL', 'safe'],
    ['POOL_DIAL_TIMEOUT', 'safe'],
    ['POOL_WRONG_SERVER', 'safe'],
    ['POOL_ENDED', 'never'],
    ['POOL_DOUBLE_RELEASE', 'never'],
    ["A_PLUGIN'S_POOL_QUEUE_FULL", 'never'],
  ])('is told by the code %s: %s', (code, retry) => {
    expect(new PoolError(code, 'any text')).toMatchObject({ name: 'PoolError', code, retry })
  })

  it('is told by whoever knows better', () => {
    expect(new PoolError('POOL_QUEUE_FULL', 'any text', { retry: 'unknown' }).retry).toBe('unknown')
  })

  it('is told of a dial by whether its failure may pass', () => {
    expect(new DialError(gauges, new Error('refused'), true).retry).toBe('safe')
    expect(new DialError(gauges, new Error('refused'), false).retry).toBe('never')
  })
})

describe('an acquire that was not served in time', () => {
  const start = 'timeout exceeded when trying to connect, while'
  it.each([
    ['wait', `${start} waiting for a free connection`],
    ['dial', `${start} a connection was opened`],
    ['validate', `${start} a connection was validated`],
    ['reset', `${start} a returned connection was reset`],
  ] as const)('says what it waited for: %s', (phase, text) => {
    const error = new AcquireTimeoutError(phase, 5, gauges, undefined)
    expect(error).toMatchObject({ name: 'AcquireTimeoutError', message: text, phase, waitedMillis: 5 })
    expect(error).not.toHaveProperty('cause')
  })

  it('says that every connection is lent, where that is so', () => {
    const { message } = new AcquireTimeoutError('wait', 5, { ...gauges, lent: 1 }, undefined)
    expect(message).toBe(
      `${start} waiting for a free connection; every connection is lent: a caller that holds one while it acquires another can wait for itself`,
    )
  })
})

describe('a dial that failed with something odd', () => {
  const hidden = Object.create(null, {
    code: {
      get: () => {
        throw new Error('hidden')
      },
    },
  })

  it.each([
    ['nothing', undefined, 'undefined'],
    ['a text', 'no luck', 'no luck'],
    ['an error without a text', new Error(''), 'Error'],
    ['nothing that has a text', Object.create(null), 'an error without a text'],
    ['what throws when it is looked at', hidden, 'an error without a text'],
    ['no errors of several', new AggregateError([]), 'failed to connect'],
  ])('says so: %s', (_, cause, message) => {
    const error = new DialError(gauges, cause, false)
    expect(error).toMatchObject({ name: 'DialError', code: 'POOL_DIAL_FAILED', message, phase: 'dial' })
    expect(error.cause).toBe(cause)
  })

  it('has the facts of the first address that tells any, and no others', () => {
    const refused = Object.assign(new Error('refused'), { syscall: 'connect', address: '::1', port: 5432, secret: 'x' })
    const error = new DialError(gauges, new AggregateError([new Error('odd'), refused]), true)
    expect(error).toMatchObject({ syscall: 'connect', address: '::1', port: 5432 })
    expect(error).not.toHaveProperty('secret')
    expect(error).not.toHaveProperty('hostname')
  })
})
