import { describe, expect, it } from 'vitest'
import { classifyDialFailure } from '../../../src/postgres/connection/sqlstate'

describe('a failed dial', () => {
  it('says that the server is full: 53300', () => {
    expect(classifyDialFailure(Object.assign(new Error('any text'), { code: '53300' }))).toBe('crowded')
  })

  it('says that nobody is there: ECONNREFUSED', () => {
    expect(classifyDialFailure(Object.assign(new Error('any text'), { code: 'ECONNREFUSED' }))).toBe('absent')
  })

  it.each(['57P03', '08006', 'ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN'])('may pass: %s', (code) => {
    expect(classifyDialFailure(Object.assign(new Error('any text'), { code }))).toBe('transient')
  })

  it.each(['28P01', '28000', '3D000', '42704', '08P01', 'ENOTFOUND', 'ERR_TLS_CERT_ALTNAME_INVALID'])(
    'does not pass: %s',
    (code) => {
      expect(classifyDialFailure(Object.assign(new Error('timeout, try again'), { code }))).toBe('permanent')
    },
  )

  it('does not pass when nothing is known of it', () => {
    for (const error of [new Error('connection refused'), undefined, 'ECONNREFUSED', { code: 53300 }]) {
      expect(classifyDialFailure(error)).toBe('permanent')
    }
  })
})
