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

test('B6: whoever is turned away or times out in between, the others are served in the order in which they came', async () => {
  const run = async (max: number, steps: readonly Step[]) => {
    const { clock, far, call } = createFakePool({ max, validationBypassMillis: Number.POSITIVE_INFINITY })
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
        // Every fourth has a time limit, the same for all.
        const it = call({ timeoutMillis: index % 4 === 0 ? 100 : Number.POSITIVE_INFINITY })
        void it.done.then(() => (it.state === 'served' ? served : left).push(index))
        calls.push(it)
        model.waiting.push(index)
      } else if (name === 'give up') {
        const index = take(model.waiting, which)
        // Every third that gives up does so without a word, and is never settled.
        const isSilent = which % 3 === 0
        if (index !== undefined && !isSilent) model.left.push(index)
        if (index !== undefined) calls[index]?.leave(isSilent ? undefined : new Error('enough'))
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
