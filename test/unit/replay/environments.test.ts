import { describe, expect, it } from 'vitest'
import { environmentsOf } from '../../../src/replay/environments'

/** In the middle of what chance may do. */
const even = () => 0.5

const at = (...times: number[]) => times.map((time) => ({ at: time, millis: 100 }))

/** Which calls each environment had. */
const begins = (...times: number[]) => environmentsOf(at(...times), even).map((it) => it.begins)

describe('the calls of a function', () => {
  it('go to the environment that is idle', () => {
    expect(begins(0, 1000, 2000)).toEqual([[0, 1000, 2000]])
  })

  it('start another one where none is', () => {
    expect(begins(0, 399, 1000)).toEqual([[0], [399, 1000]])
  })

  it('go to the one that was used last', () => {
    expect(begins(0, 10, 20, 1000, 2000)).toEqual([[0], [10], [20, 1000, 2000]])
  })

  it('take longer where the environment starts', () => {
    const [history] = environmentsOf(at(0, 1000), even)
    expect(history?.ends).toEqual([400, 1100])
  })

  it('do not find one that was idle for too long', () => {
    expect(begins(0, 400 + 360_000, 2_000_000)).toEqual([[0, 360_400], [2_000_000]])
  })

  it('do not find one that is too old', () => {
    const everyMinute = Array.from({ length: 200 }, (_, minute) => minute * 60_000)
    const [first, second] = begins(...everyMinute)
    expect(first?.at(-1)).toBe(3 * 3_600_000)
    expect(second?.[0]).toBe(3 * 3_600_000 + 60_000)
  })
})
