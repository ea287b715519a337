import fc from 'fast-check'
import { expect, test } from 'vitest'
import { settled } from '../support/fake-clock'
import { type Call, createFakePool } from '../support/fake-pool'
import { ShareBook } from '../support/fake-shares'

const SEED = 20_260_105
const NEVER = Number.POSITIVE_INFINITY

type Step = {
  readonly name: 'come alone' | 'come to share' | 'give up' | 'return' | 'pass on' | 'discard' | 'time out'
  readonly which: number
}

const step: fc.Arbitrary<Step> = fc.record({
  name: fc.oneof(
    { weight: 2, arbitrary: fc.constant('come alone' as const) },
    { weight: 30, arbitrary: fc.constant('come to share' as const) },
    { weight: 3, arbitrary: fc.constant('give up' as const) },
    { weight: 28, arbitrary: fc.constant('return' as const) },
    { weight: 10, arbitrary: fc.constant('pass on' as const) },
    { weight: 1, arbitrary: fc.constant('discard' as const) },
    { weight: 1, arbitrary: fc.constant('time out' as const) },
  ),
  which: fc.nat({ max: 1000 }),
})

test('B6: whoever shares and whoever does not, all are served in the order in which they came, and nobody waits without need', async () => {
  let mostAtOnce = 0
  let repeats = 0
  const run = async (max: number, hears: boolean, steps: readonly Step[]) => {
    const book = new ShareBook(max)
    const { clock, far, pool, call } = createFakePool(
      { max, validationBypassMillis: NEVER },
      {
        acquired: (resource) => book.acquired(resource),
        released: (resource, discard) => book.released(resource, discard),
        idle: (resource) => book.idle(resource),
      },
    )
    far.hears = hears
    far.beforeLocal = (it, resource) => book.local(it, resource)
    far.before = (operation, resource) => {
      if (operation === 'close') book.closing(resource)
    }
    const calls: { readonly it: Call; readonly share: boolean; readonly abort: AbortController }[] = []
    const served: number[] = []
    for (const { name, which } of steps) {
      const open = calls.filter(({ it }) => it.state === 'served' && it.checkout.state === 'open')
      const pending = calls.filter(({ it }) => it.state === 'pending')
      const chosen = open[which % open.length]?.it.checkout
      if (name === 'come alone' || name === 'come to share') {
        const index = calls.length
        const share = name === 'come to share'
        const abort = new AbortController()
        const it = call({ share, signal: abort.signal, timeoutMillis: index % 4 === 0 ? 100 : NEVER })
        void it.done.then(() => it.state === 'served' && served.push(index))
        calls.push({ it, share, abort })
      } else if (name === 'give up') pending[which % pending.length]?.abort.abort()
      else if (name === 'return') chosen?.release()
      else if (name === 'pass on') {
        const { share } = open[which % open.length] ?? {}
        const shared = far.count('share')
        chosen?.release()
        const checkout =
          share && calls.every(({ it }) => it.state !== 'pending') ? pool.tryAcquire(undefined, true) : undefined
        if (checkout !== undefined && far.count('share') === shared) repeats += 1
        checkout?.release()
      } else if (name === 'discard') chosen?.release(true)
      else await clock.advance(100)
      await settled()
      const { idle, lent, total, waiting, dialing, closing } = pool.gauges()
      const [first] = calls.filter(({ it }) => it.state === 'pending')
      expect(book.broken).toEqual([])
      expect(served).toEqual(served.toSorted((a, b) => a - b))
      expect(idle + lent).toBe(total)
      expect([dialing, closing]).toEqual([0, 0])
      if (waiting > 0) expect([idle, lent]).toEqual([0, max])
      if (first?.share) expect(book.joinable(NEVER)).toEqual([])
      const out = calls.flatMap(({ it, share }) =>
        it.state === 'served' && it.checkout.state === 'open' ? [{ id: it.checkout.resource.id, share }] : [],
      )
      for (const { id, share } of out) if (!share) expect(out.filter((other) => other.id === id)).toHaveLength(1)
      expect(new Set(out.map(({ id }) => id)).size).toBe(lent)
      if (max > 1) mostAtOnce = Math.max(mostAtOnce, ...out.map(({ id }) => out.filter((it) => it.id === id).length))
    }
    expect(far.mostOpen).toBeLessThanOrEqual(max)
  }
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      fc.array(step, { minLength: 100, maxLength: 200 }),
      run,
    ),
    { seed: SEED, numRuns: 60 },
  )
  expect(repeats, 'resources that rested were among them').toBeGreaterThanOrEqual(20)
  expect(mostAtOnce, 'resources that take several at once were among them').toBeGreaterThanOrEqual(4)
})
