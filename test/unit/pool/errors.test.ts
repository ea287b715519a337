import { describe, expect, it } from 'vitest'
import { AcquireTimeoutError, codeOf, DialError, textOf } from '../../../src/pool/errors'

const addresses = () =>
  new AggregateError(
    ['127.0.0.1:1', '::1:1'].map((it) =>
      Object.assign(new Error(`connect ECONNREFUSED ${it}`), { code: 'ECONNREFUSED' }),
    ),
  )

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
    const gauges = {
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
    const all = 'connect ECONNREFUSED 127.0.0.1:1; connect ECONNREFUSED ::1:1'
    expect(new DialError(gauges, addresses(), true)).toMatchObject({
      code: 'ECONNREFUSED',
      message: expect.stringContaining(all),
    })
    expect(new AcquireTimeoutError('dial', 5, gauges, addresses()).message).toContain(all)
  })
})
