import { describe, expect, it } from 'vitest'
import type { Timed } from '../../../src/pool/connector'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'

/** What takes time, as an observer hears of it. */
class Heard {
  readonly events: string[] = []
  readonly begins = (what: Timed) => {
    this.events.push(`${what}`)
    return (error?: unknown) => {
      const code = (error as { code?: string } | undefined)?.code
      this.events.push(error === undefined ? `${what} done` : `${what} failed: ${code ?? (error as Error).message}`)
    }
  }
}

describe('the times of a pool', () => {
  it('are how long callers waited, dials took and loans lasted: all together, and the longest', async () => {
    const { clock, far, pool, call } = createFakePool({ max: 1 })
    far.gates.dial = 'slow'
    const [one, other] = [call(), call()]
    await clock.advance(30)
    far.answer('dial')
    await settled()
    expect(pool.stats()).toMatchObject({ waits: 2, waitMillis: 30, dialMillis: 30, maxDialMillis: 30, useMillis: 0 })
    await clock.advance(50)
    one.checkout.release()
    await settled()
    await clock.advance(20)
    other.checkout.release()
    expect(pool.stats()).toMatchObject({
      waits: 2,
      waitMillis: 110,
      maxWaitMillis: 80,
      useMillis: 70,
      maxUseMillis: 50,
    })
  })

  it('have nothing of callers that did not wait, and of dials that failed', async () => {
    const { far, pool, fill, take, call } = createFakePool()
    await fill(1)
    const before = pool.stats()
    ;(await take()).release()
    expect(pool.stats().waits).toBe(before.waits)
    far.gates.dial = 'reject'
    far.failure = 'permanent'
    const taken = await take()
    const failed = call()
    await settled()
    expect(failed.state).toBe('failed')
    expect(pool.stats()).toMatchObject({ dialFailures: 1, dialMillis: before.dialMillis, waits: before.waits + 1 })
    taken.release()
  })

  it('have those of a loan that was taken back', async () => {
    const { clock, pool, take } = createFakePool()
    await take()
    await clock.advance(40)
    expect(pool.reclaim()).toHaveLength(1)
    expect(pool.stats()).toMatchObject({ useMillis: 40 })
  })

  it('do not have the time of a freeze', async () => {
    const { clock, pool, take } = createFakePool()
    const checkout = await take()
    clock.freeze(60_000)
    checkout.release()
    expect(pool.stats().useMillis).toBe(0)
  })
})

describe('an observer hears of what takes time', () => {
  it('when a caller waits and a resource is dialled', async () => {
    const heard = new Heard()
    const { take } = createFakePool({}, heard)
    const checkout = await take()
    checkout.release()
    await take()
    expect(heard.events).toEqual(['acquire', 'connect', 'acquire done', 'connect done'])
  })

  it('when either fails', async () => {
    const heard = new Heard()
    const { far, call } = createFakePool({}, heard)
    far.gates.dial = 'reject'
    far.failure = 'permanent'
    call()
    await settled()
    expect(heard.events.slice(0, 3)).toEqual(['acquire', 'connect', 'connect failed: connection refused'])
    expect(heard.events[3]).toMatch(/^acquire failed: /)
  })

  it('when one is asked for an answer: that it came, that it did not, and that nobody waits for it any more', async () => {
    const heard = new Heard()
    const { clock, far, pool, fill } = createFakePool({ max: 1, validationTimeoutMillis: 200 }, heard)
    const ask = async () => {
      await fill(1)
      heard.events.length = 0
      clock.freeze(5000)
      pool.wake()
      await settled()
    }
    await ask()
    expect(heard.events).toEqual(['ping', 'ping done'])
    far.gates.ping = 'reject'
    await ask()
    expect(heard.events).toEqual(['ping', expect.stringMatching('ping failed: ')])
    far.gates.ping = 'never'
    await ask()
    await clock.advance(200)
    expect(heard.events).toEqual(['ping', 'ping failed: POOL_PING_TIMEOUT'])
    await ask()
    pool.trim(0)
    expect(heard.events).toEqual(['ping', 'ping done'])
    await ask()
    far.lose(far.resources.length, new Error('reset by peer'))
    expect(heard.events).toEqual(['ping', 'ping failed: reset by peer'])
  })

  it('when who was lent one unproven has its answer, has none, or gives it back without having asked', async () => {
    const heard = new Heard()
    const { clock, pool, fill } = createFakePool({ max: 1 }, heard)
    const lendUnproven = async () => {
      await fill(1)
      clock.freeze(5000)
      heard.events.length = 0
      const checkout = pool.tryAcquire(undefined, true)
      if (checkout === undefined) throw new Error('nothing was lent')
      return checkout
    }
    const answered = await lendUnproven()
    pool.proved(answered)
    answered.release()
    expect(heard.events).toEqual(['ping', 'ping done'])
    const unasked = await lendUnproven()
    unasked.release()
    expect(heard.events).toEqual(['ping', 'ping done'])
    pool.disproved(await lendUnproven())
    expect(heard.events).toEqual(['ping', 'ping failed: POOL_PING_TIMEOUT'])
  })

  it.each([
    [undefined, 'served'],
    [0, 'failed'],
  ] as const)(
    'and may end the pool from within (patience %s): who waits is %s, and nothing stays open',
    async (patience, state) => {
      const heard = new Heard()
      let ended: Promise<unknown> | undefined
      const begins = (what: Timed) => {
        ended ??= pool.end(patience)
        return heard.begins(what)
      }
      const { far, pool, call } = createFakePool({}, { begins })
      const asked = call()
      await settled()
      expect(asked.state).toBe(state)
      if (state === 'served') asked.checkout.release()
      await ended
      expect(far.open).toBe(0)
      expect(heard.events).toContain('acquire done')
    },
  )

  it('and harms nobody when it throws', async () => {
    const begins = () => {
      throw new Error('begins')
    }
    const ended = () => () => {
      throw new Error('ended')
    }
    for (const observer of [{ begins }, { begins: ended }]) {
      const { take, pool } = createFakePool({}, observer)
      ;(await take()).release()
      expect(pool.stats()).toMatchObject({ idle: 1, faults: 2 })
    }
  })
})
