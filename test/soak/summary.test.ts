import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Task } from '../../soak/entry'
import type { Call } from '../../soak/fleet'
import { Strikes } from '../../soak/strikes'
import { isGood, type Summary, Tally, tables } from '../../soak/summary'

const failed = { code: '57P01', phase: 'statement', retry: 'unknown', message: 'it happens' }

function call(does: Task, details: Partial<Call> = {}): Call {
  return { entry: { does, keys: [1, 2] }, environment: 'one', began: 0, ended: 10, isFrozen: true, ...details }
}

describe('a comparison of what was acknowledged with what is there', () => {
  let tally: Tally
  beforeEach(() => {
    tally = new Tally()
  })

  const there = (...keys: number[]) => new Map(keys.map((key) => [key, 1]))

  it.each<[Task, number]>([
    ['read', 0],
    ['write', 1],
    ['together', 1],
    ['client', 1],
    ['use', 1],
    ['transaction', 2],
  ])('misses of a %s so many keys as it writes: %i', (does, lost) => {
    tally.add(call(does), false)
    expect(tally.compare(there(3))).toEqual({ lost, doubled: 0, torn: 0 })
    expect(tally.compare(there(1, 2))).toEqual({ lost: 0, doubled: 0, torn: 0 })
  })

  it('misses nothing of what failed, but a half of a transaction', () => {
    tally.add(call('write', { failed }), true)
    tally.add(call('transaction', { failed, entry: { does: 'transaction', keys: [3, 4] } }), true)
    expect(tally.compare(there())).toEqual({ lost: 0, doubled: 0, torn: 0 })
    expect(tally.compare(there(4))).toEqual({ lost: 0, doubled: 0, torn: 1 })
  })

  it('finds what is there twice, acknowledged or not', () => {
    expect(tally.compare(new Map([[9, 2]]))).toEqual({ lost: 0, doubled: 1, torn: 0 })
  })
})

describe('a call that failed', () => {
  let strikes: Strikes
  beforeEach(() => {
    strikes = new Strikes()
  })

  /** Something that lasts from 100 to 200. */
  async function strike(kind: 'kill' | 'demotion'): Promise<void> {
    const clock = vi.spyOn(performance, 'now').mockReturnValueOnce(100).mockReturnValueOnce(200)
    await strikes.during(kind, async () => {})
    clock.mockRestore()
  }

  it.each([
    ['in the middle of it', { began: 90, ended: 110 }, true],
    ['before it', { began: 201, ended: 210 }, false],
    ['after it', { began: 80, ended: 99 }, false],
  ])('had to when its session was ended %s: %s', async (_, span, hadTo) => {
    await strike('kill')
    expect(strikes.hadTo(call('write', { failed, ...span }))).toBe(hadTo)
  })

  it.each([
    ['its statement certainly did not run', call('write', { failed: { ...failed, retry: 'safe' } })],
    ['something else happened', call('use', { failed: { ...failed, code: 'POOL_ACQUIRE_TIMEOUT' } })],
    [
      'it asked the pool for a write, and met a server that takes none',
      call('write', { failed: { ...failed, code: '25006' } }),
    ],
  ])('did not have to when %s', async (_, it) => {
    await strike('kill')
    await strike('demotion')
    expect(strikes.hadTo({ ...it, began: 90, ended: 110 })).toBe(false)
  })

  it('had to once in each environment on a client that stayed with a demoted server', async () => {
    const refused = call('use', { failed: { ...failed, code: '25006', retry: 'never' }, began: 300, ended: 310 })
    expect(strikes.hadTo(refused)).toBe(false)
    await strike('demotion')
    expect([refused, refused, { ...refused, environment: 'other' }].map((it) => strikes.hadTo(it))).toEqual([
      true,
      false,
      true,
    ])
  })
})

describe('a summary', () => {
  const good: Summary = {
    seed: 1,
    minutes: 1,
    faults: { burst: 2 },
    freezes: 12_345,
    calls: 12_346,
    failures: [{ cause: '57P01 (statement)', calls: 3, hadTo: 3 }],
    lost: 0,
    doubled: 0,
    torn: 0,
    sessionsLeft: 0,
    slowestMillis: 1234.5,
  }

  it('is good when nothing happened that may not', () => {
    expect(isGood(good)).toBe(true)
    for (const what of ['lost', 'doubled', 'torn', 'sessionsLeft']) expect(isGood({ ...good, [what]: 1 })).toBe(false)
    expect(isGood({ ...good, failures: [{ cause: '25006 (statement)', calls: 3, hadTo: 2 }] })).toBe(false)
  })

  it('is told in tables', () => {
    expect(`\n${tables(good)}\n`).toMatchInlineSnapshot(`
      "
      | fault | times |
      | ----- | ----: |
      | burst |     2 |

      | failed calls      | calls | that had to |
      | ----------------- | ----: | ----------: |
      | 57P01 (statement) |     3 |           3 |

      |                           |        |
      | ------------------------- | -----: |
      | freezes                   | 12,345 |
      | calls                     | 12,346 |
      | failed                    |      3 |
      | acknowledged inserts lost |      0 |
      | inserts doubled           |      0 |
      | transactions torn         |      0 |
      | sessions left             |      0 |
      | slowest call, ms          |  1,235 |
      "
    `)
  })
})
