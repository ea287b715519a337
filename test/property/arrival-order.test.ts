import fc from 'fast-check'
import { expect, test } from 'vitest'
import { settled } from '../support/fake-clock'
import { type Call, createFakePool } from '../support/fake-pool'

const SEED = 20_260_104

type Step = { readonly name: 'come' | 'give up' | 'return' | 'time out'; readonly which: number }

const step: fc.Arbitrary<Step> = fc.record({
  name: fc.constantFrom<Step['name'][]>('come', 'come', 'come', 'give up', 'return', 'return', 'time out'),
  which: fc.nat({ max: 100 }),
})

test('B6: whoever is cancelled or times out in between, the others are served in the order in which they came', async () => {
  const run = async (max: number, steps: readonly Step[]) => {
    const { clock, far, call } = createFakePool({ max, validationBypassMillis: Number.POSITIVE_INFINITY })
    const abort = new Map<number, AbortController>()
    const calls: Call[] = []
    /** What a queue and a counter say must happen: the model that the pool is held against. */
    const model = { waiting: [] as number[], lent: [] as number[], served: [] as number[], left: [] as number[] }
    const serve = () => {
      while (model.lent.length < max) {
        const first = model.waiting.shift()
        if (first === undefined) return
        model.lent.push(first)
        model.served.push(first)
      }
    }
    const take = (from: number[], which: number): number | undefined => from.splice(which % from.length, 1)[0]
    const served: number[] = []
    const left: number[] = []
    for (const { name, which } of steps) {
      if (name === 'come') {
        const index = calls.length
        const controller = new AbortController()
        abort.set(index, controller)
        // Every fourth has a time limit, the same for all.
        const it = call({ signal: controller.signal, timeoutMillis: index % 4 === 0 ? 100 : Number.POSITIVE_INFINITY })
        void it.done.then(() => (it.state === 'served' ? served : left).push(index))
        calls.push(it)
        model.waiting.push(index)
      } else if (name === 'give up') {
        const index = take(model.waiting, which)
        if (index !== undefined) model.left.push(index)
        if (index !== undefined) abort.get(index)?.abort()
      } else if (name === 'return') {
        const index = take(model.lent, which)
        if (index !== undefined) calls[index]?.checkout.release()
      } else {
        await clock.advance(100)
        model.left.push(...model.waiting.filter((index) => index % 4 === 0))
        model.waiting = model.waiting.filter((index) => index % 4 !== 0)
      }
      serve()
      await settled()
      expect(served).toEqual(model.served)
      expect(left).toEqual(model.left)
    }
    expect(far.count('dial')).toBeLessThanOrEqual(max)
  }
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 80 }), run), {
    seed: SEED,
    numRuns: 150,
  })
})
