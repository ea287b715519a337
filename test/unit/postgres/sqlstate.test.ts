import { describe, expect, it } from 'vitest'
import { classifyDialFailure } from '../../../src/postgres/connection/session/sqlstate'

describe('a failed dial', () => {
  it('says that the server is full: 53300', () => {
    expect(classifyDialFailure(Object.assign(new Error('any text'), { code: '53300' }))).toBe('crowded')
  })

  it('says that nobody is there: ECONNREFUSED', () => {
    expect(classifyDialFailure(Object.assign(new Error('any text'), { code: 'ECONNREFUSED' }))).toBe('absent')
  })

  it.each([
    ...['57P03', '08006', '08P01', '53400', '55000', 'XX000', 'ZZ999'],
    ...['ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'EBUSY', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENEWLYINVENTED'],
  ])('may pass: %s', (code) => {
    expect(classifyDialFailure(Object.assign(new Error('any text'), { code }))).toBe('transient')
  })

  it.each([
    ...['28P01', '28000', '3D000', '42704', '42501', '22023', '0A000', 'ENOTFOUND', 'EPROTO'],
    ...[
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'CERT_HAS_EXPIRED',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
  ])('does not pass: %s', (code) => {
    expect(classifyDialFailure(Object.assign(new Error('timeout, try again'), { code }))).toBe('permanent')
  })

  it('does not pass when nothing is known of it', () => {
    for (const error of [new Error('connection refused'), undefined, 'ECONNREFUSED', { code: 53300 }]) {
      expect(classifyDialFailure(error)).toBe('permanent')
    }
  })
})
