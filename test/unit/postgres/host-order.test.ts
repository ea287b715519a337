import { describe, expect, it } from 'vitest'
import type { Opening } from '../../../src/pool/connector'
import { HostOrder } from '../../../src/postgres/connection/opening/host-order'

function opening(withinMillis: number): Opening & { readonly losses: Error[] } {
  const losses: Error[] = []
  return { withinMillis, onAbandon: undefined, losses, lost: (error) => void losses.push(error) }
}

const orderOf = (...names: string[]) => new HostOrder<string>(names, () => {})

const never = () => new Promise<never>(() => {})

describe('the order of several hosts', () => {
  it('gives each its share of the time, whatever the one before has slept through', async () => {
    const shares: number[] = []
    const found = await orderOf('a', 'b', 'c').first(
      opening(60),
      ['any'],
      (at, _wish, own) => {
        shares.push(own.withinMillis)
        if (at === 2) return Promise.resolve('c')
        // As in a freeze.
        if (at === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
        return never()
      },
      () => false,
    )
    expect(found).toBe('c')
    expect(shares).toEqual([20, 20, Infinity])
  })

  it('is told of no loss of what was given up', async () => {
    const given: Opening[] = []
    const asked = opening(20)
    await orderOf('a', 'b').first(
      asked,
      ['any'],
      (at, _wish, own) => {
        given.push(own)
        return at === 0 ? never() : Promise.resolve('b')
      },
      () => false,
    )
    given[0]?.lost(new Error('the one given up'))
    expect(asked.losses).toEqual([])
    given[1]?.lost(new Error('the one that is open'))
    expect(asked.losses).toMatchObject([{ message: 'the one that is open' }])
  })
})
