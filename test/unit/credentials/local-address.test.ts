import { describe, expect, it } from 'vitest'
import { isLocalAddress } from '../../../src/credentials/source/sign-in'

describe('an address', () => {
  it.each([
    '',
    undefined,
    'localhost',
    'LocalHost',
    '127.0.0.1',
    '127.8.9.1',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
    '/var/run/postgresql',
    '@abstract',
  ])('is on this machine: %s', (host) => expect(isLocalAddress(host)).toBe(true))

  it.each([
    'db.example.com',
    '10.0.0.1',
    '127.evil.com',
    '127.0.0.1.evil.com',
    'localhost.evil.com',
    '::2',
    '0.0.0.0',
    '::ffff:10.0.0.1',
  ])('is not on this machine: %s', (host) => expect(isLocalAddress(host)).toBe(false))
})
