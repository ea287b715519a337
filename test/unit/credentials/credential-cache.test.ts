import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { CredentialCache, type CredentialCacheOptions } from '../../../src/credentials/source/credential-cache'
import type {
  Credentials,
  CredentialsProvider,
  CredentialsRequest,
} from '../../../src/postgres/connection/opening/credentials'
import { classifyDialFailure as classify } from '../../../src/postgres/connection/session/sqlstate'
import { FakeClock, settled } from '../../support/fake-clock'

const MINUTE = 60_000

/** One call of the provider, answered by hand. */
interface Call extends CredentialsRequest {
  give(credentials: Credentials): Promise<void>
  fail(error: unknown): Promise<void>
}

function handHeld(options: Partial<CredentialCacheOptions> = {}) {
  const clock = new FakeClock()
  const calls: Call[] = []
  const provider: CredentialsProvider = (request) =>
    new Promise((resolve, reject) => {
      calls.push({
        ...request,
        give: (credentials) => {
          resolve(credentials)
          return settled()
        },
        fail: (error) => {
          reject(error)
          return settled()
        },
      })
    })
  const source = new CredentialCache({ classify, provider, ttlMillis: 5 * MINUTE, clock, random: () => 1, ...options })
  /** The provider's newest call. */
  const call = async () => {
    await settled()
    const newest = calls.at(-1)
    if (newest === undefined) throw new Error('the provider was not called')
    return newest
  }
  return { clock, calls, call, source }
}

/** A source whose provider gives passwords one after another. */
function counting(options: Partial<CredentialCacheOptions> & { give?: Partial<Credentials> } = {}) {
  const { give, ...rest } = options
  const clock = new FakeClock()
  const requests: boolean[] = []
  const state = { failing: undefined as unknown, credentials: undefined as Credentials | undefined }
  const provider: CredentialsProvider = async ({ fresh }) => {
    requests.push(fresh)
    if (state.failing !== undefined) throw state.failing
    return state.credentials ?? { user: 'app', password: `password ${requests.length}`, ...give }
  }
  const source = new CredentialCache({ classify, provider, ttlMillis: 5 * MINUTE, clock, random: () => 1, ...rest })
  return { clock, requests, state, source }
}

const forEver = new AbortController().signal

/** As the providers of this package have it. */
function ours(message: string, code: string): Error {
  return Object.assign(new Error(message), { name: 'CredentialsLookupError', code })
}

function refusal(code = '28P01'): Error {
  return Object.assign(new Error('password authentication failed'), { code })
}

describe('credentials', () => {
  it('are fetched once for all who dial at the same time, and for those who dial later', async () => {
    const { source, calls, call } = handHeld()
    const dials = Array.from({ length: 50 }, () => source.get(new AbortController().signal))
    await (await call()).give({ user: 'app', password: 'one' })
    const given = await Promise.all(dials)
    given.push(await source.get(forEver))
    expect(new Set(given.map(({ password }) => password))).toEqual(new Set(['one']))
    expect(calls.map(({ fresh }) => fresh)).toEqual([false])
  })

  it('may come from a function that returns them at once', async () => {
    const { clock } = handHeld()
    const provider = () => ({ user: 'app', password: 'one' })
    const source = new CredentialCache({ classify, provider, ttlMillis: MINUTE, clock, random: () => 1 })
    expect(await source.get(forEver)).toMatchObject({ user: 'app', password: 'one' })
  })

  it('show no password where they are printed, copied or made JSON', async () => {
    const given = await counting().source.get(forEver)
    expect(given.password).toBe('password 1')
    expect(inspect(given) + JSON.stringify(given) + inspect({ ...given })).not.toContain('password 1')
    expect(Object.isFrozen(given)).toBe(true)
  })

  it('are waited for no longer than the dial takes, and go on to be fetched for the others', async () => {
    const { source, call, calls } = handHeld()
    const left = new AbortController()
    const impatient = source.get(left.signal)
    const patient = source.get(forEver)
    left.abort()
    await expect(impatient).rejects.toMatchObject({ code: 'POOL_CREDENTIALS_TIMEOUT', failure: 'transient' })
    await (await call()).give({ password: 'one' })
    expect(await patient).toMatchObject({ password: 'one' })
    expect(calls).toHaveLength(1)
    expect(calls[0]?.signal.aborted).toBe(false)
  })

  it('are not even asked for by a dial that is over', async () => {
    const { source, calls } = handHeld()
    await expect(source.get(AbortSignal.abort())).rejects.toMatchObject({ code: 'POOL_CREDENTIALS_TIMEOUT' })
    await settled()
    expect(calls).toEqual([])
  })

  it('are let go of when the pool ends', async () => {
    const { source, call } = handHeld()
    source.get(forEver).catch(() => {})
    const { signal } = await call()
    source.end()
    expect(signal.aborted).toBe(true)
    expect(() => source.end()).not.toThrow()
  })
})

describe('credentials that are kept', () => {
  it('are fetched anew in the background, once, when most of their time is over', async () => {
    const { source, clock, calls, call } = handHeld()
    const first = source.get(forEver)
    await (await call()).give({ password: 'one' })
    await first
    await clock.advance(4 * MINUTE - 1)
    expect((await source.get(forEver)).password).toBe('one')
    expect(calls).toHaveLength(1)
    await clock.advance(1)
    const passwords = [await source.get(forEver), await source.get(forEver)].map(({ password }) => password)
    expect(passwords).toEqual(['one', 'one'])
    await (await call()).give({ password: 'two' })
    expect((await source.get(forEver)).password).toBe('two')
    expect(calls.map(({ fresh }) => fresh)).toEqual([false, false])
  })

  it('are fetched anew ahead at any other moment of use, without a timer', async () => {
    const { source, clock, requests } = counting()
    source.refreshAhead()
    expect(requests).toEqual([])
    await source.get(forEver)
    await clock.advance(4 * MINUTE)
    expect(clock.liveTimers).toBe(0)
    source.refreshAhead()
    source.refreshAhead()
    await settled()
    expect(requests).toHaveLength(2)
    source.refreshAhead()
    await settled()
    expect(requests).toHaveLength(2)
  })

  it.each([
    ['time', (clock: FakeClock) => clock.advance(5 * MINUTE)],
    ['a freeze', async (clock: FakeClock) => clock.freeze(5 * MINUTE)],
    [
      'time, although somebody set the wall clock back',
      async (clock: FakeClock) => {
        clock.stall(5 * MINUTE)
        clock.setWall(0)
      },
    ],
  ])('are not used unasked after %s', async (_, pass) => {
    const { source, clock } = counting()
    await source.get(forEver)
    await pass(clock)
    expect((await source.get(forEver)).password).toBe('password 2')
  })

  it('count their age from when they were asked for', async () => {
    const { source, clock, call, calls } = handHeld()
    const first = source.get(forEver)
    const slow = await call()
    clock.freeze(5 * MINUTE)
    await slow.give({ password: 'one' })
    await first
    const second = source.get(forEver)
    await (await call()).give({ password: 'two' })
    expect((await second).password).toBe('two')
    expect(calls).toHaveLength(2)
  })

  it('go on being used while they can not be fetched anew, and are asked for again only now and then', async () => {
    const { source, clock, requests, state } = counting()
    await source.get(forEver)
    state.failing = new Error('down')
    const passwords = new Set<string | undefined>()
    for (let second = 0; second < 60; second += 1) {
      await clock.advance(second === 0 ? 5 * MINUTE : 1000)
      passwords.add((await source.get(forEver)).password)
      passwords.add((await source.get(forEver)).password)
    }
    expect(passwords).toEqual(new Set(['password 1']))
    // Every 5 s.
    expect(requests).toHaveLength(13)
    state.failing = undefined
    await clock.advance(5000)
    expect((await source.get(forEver)).password).toBe('password 14')
  })

  it('go on being used while the provider hangs: a second at most is lost on it', async () => {
    const { source, clock, calls, call } = handHeld()
    const first = source.get(forEver)
    await (await call()).give({ password: 'one' })
    await first
    await clock.advance(6 * MINUTE)
    const second = source.get(forEver)
    await clock.advance(1000)
    expect((await second).password).toBe('one')
    expect((await source.get(forEver)).password).toBe('one')
    expect(clock.liveTimers).toBe(0)
    expect(calls).toHaveLength(2)
    await calls[1]?.give({ password: 'two' })
    expect((await source.get(forEver)).password).toBe('two')
  })

  it('are fetched anew past a fetch that a freeze has killed', async () => {
    const { source, clock, calls, call } = handHeld()
    const early = source.get(forEver)
    await settled()
    clock.freeze(10 * MINUTE)
    const late = source.get(forEver)
    await (await call()).give({ password: 'two' })
    expect([(await early).password, (await late).password]).toEqual(['two', 'two'])
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, false])
    await calls[0]?.give({ password: 'one' })
    expect((await source.get(forEver)).password).toBe('two')
  })
})

describe('credentials that expire', () => {
  it('are fetched anew before they do', async () => {
    const { source, clock, requests, state } = counting()
    state.credentials = { password: 'token', expiresAt: clock.now().wall + MINUTE }
    await source.get(forEver)
    await clock.advance(44_000)
    await source.get(forEver)
    expect(requests).toHaveLength(2)
  })

  it.each([
    ['time', (clock: FakeClock) => clock.advance(MINUTE)],
    ['a freeze', async (clock: FakeClock) => clock.freeze(MINUTE)],
  ])('are never used after %s, whatever the provider says', async (_, pass) => {
    const { source, clock, state } = counting()
    state.credentials = { password: 'token', expiresAt: clock.now().wall + MINUTE }
    await source.get(forEver)
    await pass(clock)
    state.failing = ours('down', 'CREDENTIALS_UNAVAILABLE')
    await expect(source.get(forEver)).rejects.toMatchObject({ code: 'POOL_CREDENTIALS_FAILED', cause: state.failing })
  })

  it('at once are fetched for each dial', async () => {
    const { source, requests } = counting({ give: { expiresAt: 0 } })
    const passwords = [await source.get(forEver), await source.get(forEver)].map(({ password }) => password)
    expect(passwords).toEqual(['password 1', 'password 2'])
    source.refreshAhead()
    await settled()
    expect(requests).toHaveLength(2)
  })
})

describe('credentials that the server refuses', () => {
  /** Dials that are refused unless they have this password, and what they had. */
  function server(right: () => string) {
    const attempts: (string | undefined)[] = []
    const dial = async (credentials: Promise<Credentials>) => {
      const { password } = await credentials
      attempts.push(password)
      if (password !== right()) throw refusal()
      return 'connected'
    }
    return { attempts, dial }
  }

  it.each(['28P01', '28000'])('with %s are fetched past every cache, and the dial is repeated', async (code) => {
    const { source, requests } = counting()
    const dial = async (credentials: Promise<Credentials>) => {
      if ((await credentials).password === 'password 1') throw refusal(code)
      return 'connected'
    }
    expect(await source.use(forEver, dial)).toBe('connected')
    expect(requests).toEqual([false, true])
    expect((await source.get(forEver)).password).toBe('password 2')
  })

  it('are fetched once for many dials that were refused with them', async () => {
    const { source, requests } = counting()
    const { dial, attempts } = server(() => 'password 2')
    await Promise.all(Array.from({ length: 10 }, () => source.use(new AbortController().signal, dial)))
    // One that was refused late finds what the others have fetched.
    const late = await source.renew({ user: 'app', password: 'password 1' }, refusal(), forEver)
    expect(late?.password).toBe('password 2')
    expect(requests).toEqual([false, true])
    expect(attempts).toHaveLength(20)
  })

  it('and are still the same are refused at once, in the words of the server', async () => {
    const { source, requests, state } = counting()
    state.credentials = { user: 'app', password: 'wrong' }
    const { dial, attempts } = server(() => 'right')
    const refused = await Promise.allSettled(
      Array.from({ length: 10 }, () => source.use(new AbortController().signal, dial)),
    )
    expect(refused.map((it) => it.status === 'rejected' && it.reason.message)).toEqual(
      Array(10).fill('password authentication failed'),
    )
    expect(requests).toEqual([false, true])
    expect(attempts).toHaveLength(10)
  })

  it('are not tried again but now and then, one dial at a time', async () => {
    const { source, clock, requests, state } = counting()
    state.credentials = { user: 'app', password: 'wrong' }
    let right = 'right'
    const { dial, attempts } = server(() => right)
    for (let second = 0; second < 60; second += 1) {
      for (let call = 0; call < 10; call += 1) {
        await expect(source.use(forEver, dial)).rejects.toMatchObject({ code: '28P01' })
      }
      await Promise.allSettled(Array.from({ length: 10 }, () => source.use(new AbortController().signal, dial)))
      await clock.advance(1000)
    }
    // At first, and after 1, 2, 4, 8, 10, 10, 10 and 10 s.
    expect(attempts).toHaveLength(9)
    expect(requests).toHaveLength(10)
    const error = await source.get(forEver).catch((it: unknown) => it)
    expect(error).toMatchObject({ name: 'CredentialsError', failure: 'permanent', cause: { code: '28P01' } })

    right = 'wrong'
    await clock.advance(10_000)
    expect(await source.use(forEver, dial)).toBe('connected')
    expect(await source.use(forEver, dial)).toBe('connected')
  })

  it('are renewed again where the server is further than what was fetched', async () => {
    const { source, requests } = counting()
    const { dial, attempts } = server(() => 'password 4')
    const results = Array.from({ length: 5 }, () => source.use(new AbortController().signal, dial))
    expect(await Promise.all(results)).toEqual(Array(5).fill('connected'))
    expect(requests).toEqual([false, true, true, true])
    expect(attempts).toHaveLength(20)
  })

  it('are not tried a second time by the same dial', async () => {
    const { source, requests, state } = counting()
    const { dial, attempts } = server(() => 'right')
    const give = ['wrong', 'pending', 'wrong', 'wrong']
    Object.defineProperty(state, 'credentials', { get: () => ({ user: 'app', password: give[requests.length - 1] }) })
    await expect(source.use(forEver, dial)).rejects.toMatchObject({ code: '28P01' })
    await expect(source.use(forEver, dial)).rejects.toMatchObject({ name: 'CredentialsError', code: '28P01' })
    expect(attempts).toEqual(['wrong', 'pending'])
    expect(requests).toEqual([false, true, true])
  })

  it('are given up after three repetitions, even if they differ each time', async () => {
    const { source, requests } = counting()
    const { dial, attempts } = server(() => 'another')
    await expect(source.use(forEver, dial)).rejects.toMatchObject({ code: '28P01' })
    await expect(source.use(forEver, dial)).rejects.toMatchObject({ name: 'CredentialsError', code: '28P01' })
    expect(attempts).toEqual(['password 1', 'password 2', 'password 3', 'password 4'])
    expect(requests).toEqual([false, true, true, true])
  })

  it('are given up after one repetition where they are made for each dial', async () => {
    const { source, requests } = counting({ give: { expiresAt: 0 } })
    const { dial, attempts } = server(() => 'another')
    await expect(source.use(forEver, dial)).rejects.toMatchObject({ code: '28P01' })
    await expect(source.use(forEver, dial)).rejects.toMatchObject({ name: 'CredentialsError', code: '28P01' })
    expect(attempts).toEqual(['password 1', 'password 2'])
    expect(requests).toEqual([false, true])
  })

  it('are not used again if they could not be fetched anew', async () => {
    const { source, requests, state } = counting()
    const { dial } = server(() => 'password 4')
    state.credentials = { user: 'app', password: 'old' }
    await source.get(forEver)
    state.failing = ours('throttled', 'CREDENTIALS_UNAVAILABLE')
    await expect(source.use(forEver, dial)).rejects.toMatchObject({ failure: 'transient', cause: state.failing })
    await expect(source.use(forEver, dial)).rejects.toMatchObject({ failure: 'transient' })
    state.failing = undefined
    state.credentials = undefined
    expect(await source.use(forEver, dial)).toBe('connected')
    expect(requests).toEqual([false, true, true, true])
  })

  it('take no part in dials that fail for other reasons', async () => {
    const { source, requests } = counting()
    const down = Object.assign(new Error('down'), { code: 'ECONNREFUSED' })
    await expect(source.use(forEver, () => Promise.reject(down))).rejects.toBe(down)
    expect((await source.get(forEver)).password).toBe('password 1')
    expect(requests).toEqual([false])
  })

  it('are not fetched anew for a dial that is over', async () => {
    const { source, requests } = counting()
    const over = new AbortController()
    const dial = async (credentials: Promise<Credentials>) => {
      await credentials
      over.abort()
      throw refusal()
    }
    await expect(source.use(over.signal, dial)).rejects.toMatchObject({ code: '28P01' })
    expect(requests).toEqual([false])
  })

  it('supersede a fetch that did not go past every cache', async () => {
    const { source, clock, calls, call } = handHeld()
    const first = source.get(forEver)
    await (await call()).give({ password: 'one' })
    const old = await first
    await clock.advance(4.5 * MINUTE)
    source.refreshAhead()
    await settled()
    const renewed = source.renew(old, refusal(), forEver)
    await settled()
    expect(calls.map(({ fresh, signal }) => [fresh, signal.aborted])).toEqual([
      [false, false],
      [false, true],
      [true, false],
    ])
    await calls[1]?.give({ password: 'one' })
    await calls[2]?.give({ password: 'two' })
    expect((await renewed)?.password).toBe('two')
  })
})

describe('the one who dials', () => {
  it('may open the connection before the credentials are there', async () => {
    const { source, call } = handHeld()
    const order: string[] = []
    const connected = source.use(forEver, async (credentials) => {
      order.push('socket')
      order.push((await credentials).password ?? '')
    })
    await (await call()).give({ password: 'one' })
    await connected
    expect(order).toEqual(['socket', 'one'])
  })

  it('may fail without ever asking for them, although there are none', async () => {
    const { source, state } = counting()
    state.failing = new Error('no secret')
    await expect(source.use(forEver, () => Promise.reject(new Error('no route')))).rejects.toThrow('no route')
    await settled()
  })
})

describe('credentials that lead elsewhere', () => {
  it.each(['user', 'host', 'database', 'port'] as const)(
    'are noticed, and nothing that was dialled before is current: %s',
    async (field) => {
      let moves = 0
      const { source, clock, state } = counting({ moved: () => (moves += 1) })
      const before = { user: 'app', host: 'a', port: 5432, database: 'orders', password: 'one' }
      state.credentials = before
      expect(source.isCurrent(before)).toBe(true)
      const old = await source.get(forEver)
      state.credentials = { ...before, password: 'two' }
      await clock.advance(5 * MINUTE)
      await source.get(forEver)
      expect([source.isCurrent(old), moves]).toEqual([true, 0])
      state.credentials = { ...before, [field]: field === 'port' ? 6432 : 'b' }
      await clock.advance(5 * MINUTE)
      await source.get(forEver)
      expect([source.isCurrent(old), moves]).toEqual([false, 1])
    },
  )

  it('reach those who wait, whatever is made of the news', async () => {
    const { source, clock, state } = counting({
      moved: () => {
        throw new Error('a bug')
      },
    })
    await source.get(forEver)
    state.credentials = { user: 'other', password: 'one' }
    await clock.advance(5 * MINUTE)
    expect(await source.get(forEver)).toMatchObject({ user: 'other' })
  })
})

describe('a provider', () => {
  const marker = 'hunter2-marker'

  function failing(provider: CredentialsProvider) {
    const source = new CredentialCache({
      classify,
      provider,
      ttlMillis: MINUTE,
      clock: new FakeClock(),
      random: () => 1,
    })
    return source.get(forEver).then(
      () => {
        throw new Error('Expected no credentials')
      },
      (error: unknown) => error,
    )
  }

  it('may throw at once', async () => {
    const error = await failing(() => {
      throw new Error('no')
    })
    expect(error).toMatchObject({ code: 'POOL_CREDENTIALS_FAILED', failure: 'permanent', cause: expect.any(Error) })
  })

  it('is asked again after it threw at once', async () => {
    let calls = 0
    const provider = () => {
      calls += 1
      if (calls === 1) throw new Error('not yet')
      return { password: 'one' }
    }
    const source = new CredentialCache({
      classify,
      provider,
      ttlMillis: MINUTE,
      clock: new FakeClock(),
      random: () => 1,
    })
    await expect(source.get(forEver)).rejects.toThrow()
    expect(await source.get(forEver)).toMatchObject({ password: 'one' })
  })

  it.each([
    ['CREDENTIALS_UNAVAILABLE', 'transient'],
    ['ECONNRESET', 'transient'],
    ['CREDENTIALS_SECRET_INVALID', 'permanent'],
    ['WHATEVER', 'permanent'],
  ])('that fails with %s fails in a %s way', async (code, failure) => {
    expect(await failing(() => Promise.reject(Object.assign(new Error('x'), { code })))).toMatchObject({ failure })
  })

  it('is quoted if it is one of ours, and named if it is not', async () => {
    const cause = ours('The secret `a` has no `password`', 'CREDENTIALS_SECRET_INVALID')
    expect(await failing(() => Promise.reject(cause))).toMatchObject({
      message: expect.stringContaining(cause.message),
      cause,
    })
    const theirs = Object.assign(new RangeError(marker, { cause: marker }), { code: 'E_RANGE', read: { marker } })
    const error = await failing(() => Promise.reject(theirs))
    expect(error).toMatchObject({
      message: 'the credentials provider failed: RangeError (E_RANGE)',
      cause: { name: 'RangeError', code: 'E_RANGE', stack: expect.stringContaining(__filename) },
    })
    const string = await failing(() => Promise.reject(marker))
    expect(string).toMatchObject({ message: 'the credentials provider failed: string' })
    expect(inspect([error, string], { showHidden: true, depth: null })).not.toContain(marker)
  })

  it('that trips over the text of a secret does not show it', async () => {
    const error = await failing(() => JSON.parse(`${marker} {`))
    expect(inspect(error, { showHidden: true, depth: null })).not.toContain(marker)
  })

  it.each([
    ['nothing', undefined, 'Expected what the credentials provider gives to be an object, got undefined'],
    ['null', null, 'to be an object, got null'],
    [
      'a password that is none',
      { password: { marker } },
      'Expected `password` from the credentials provider to be a string, got object',
    ],
    ['a user that is none', { user: 5 }, '`user`'],
    [
      'a port that is none',
      { port: marker },
      '`port` from the credentials provider to be a port from 1 to 65535, got string',
    ],
    ['a moment that is none', { expiresAt: Number.NaN }, '`expiresAt`'],
    ['a secret as it is', { username: 'app', password: marker }, 'gives `username`; the pool knows it as `user`'],
    [
      'a database as in a secret',
      { user: 'app', password: marker, dbname: 'a' },
      'gives `dbname`; the pool knows it as `database`',
    ],
    ['a wish that is none', { requiresEncryption: 'yes' }, '`requiresEncryption`'],
  ])('that gives %s is told what was expected, and not what came', async (_, given, text) => {
    const error = await failing(() => given as never)
    expect(error).toMatchObject({
      name: 'CredentialsError',
      code: 'POOL_CREDENTIALS_INVALID',
      failure: 'permanent',
      message: expect.stringContaining(text),
    })
    expect(inspect(error, { showHidden: true, depth: null })).not.toContain(marker)
  })

  it('may leave out whatever the options of the pool say, or give null for it', async () => {
    const source = new CredentialCache({
      classify,
      provider: () => ({ password: null, host: null }) as never,
      ttlMillis: MINUTE,
      clock: new FakeClock(),
      random: () => 1,
    })
    expect(await source.get(forEver)).toMatchObject({ password: undefined })
  })
})
