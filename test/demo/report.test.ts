import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { acts } from '../../demo/acts/index'
import { contenders, perContender } from '../../demo/contenders/contender'
import { callsPath, sessionsPath } from '../../demo/report/chart'
import type { DemoData, Outcome } from '../../demo/report/data'
import { page } from '../../demo/report/page'
import { picture, wrapped } from '../../demo/report/picture'
import { compare, noLead, table } from '../../demo/report/table'

const committed = JSON.parse(readFileSync('docs/demo.json', 'utf8')) as DemoData

const holds: Outcome = { grade: 'holds', words: 'all <b>2</b> calls answered', facts: {} }
const fails: Outcome = { grade: 'fails', words: '1 of 2 calls failed', facts: {}, score: 1 }

const data: DemoData = {
  day: '2026-01-02',
  server: 'PostgreSQL 18',
  node: '20.0.0',
  seconds: 10,
  acts: [
    { name: 'one', title: 'One & all', from: 0, to: 4, outcomes: perContender(() => holds) },
    {
      name: 'two',
      title: 'Two',
      from: 4,
      to: 10,
      outcomes: { ...perContender(() => fails), 'pg-thaw': { ...fails, score: 2 } },
    },
  ],
  sessions: perContender(() => [
    [0, 0],
    [5, 2],
  ]),
  calls: perContender(() => [
    [5, 100, true],
    [6, 1000, false],
  ]),
}

describe('the picture in the docs', () => {
  it('is made of the data beside it: `npm run demo -- --svg` renews both', () => {
    const isOfTheData = readFileSync('docs/demo.svg', 'utf8') === picture(committed)
    expect(isOfTheData, 'docs/demo.svg is older than docs/demo.json, or than what draws it').toBe(true)
  })

  it('has the acts that there are', () => {
    const titles = (of: readonly { name: string; title: string }[]) => of.map(({ name, title }) => `${name}: ${title}`)
    expect(titles(committed.acts)).toEqual(titles(acts))
  })
})

describe('an outcome', () => {
  it.each([
    ['holds', undefined, 'costs', undefined, 'better'],
    ['costs', undefined, 'costs', undefined, 'equal'],
    ['fails', undefined, 'costs', undefined, 'worse'],
    ['fails', 3, 'fails', 2, 'worse'],
    ['fails', 1, 'fails', 2, 'better'],
    ['holds', 95, 'holds', 100, 'equal'],
    ['holds', 105, 'holds', 100, 'equal'],
    ['holds', 90, 'holds', 100, 'better'],
    ['holds', 0, 'holds', 0, 'equal'],
    ['holds', 5, 'holds', undefined, 'equal'],
    ['costs', 1, 'holds', 100, 'worse'],
  ] as const)('that %s with %s is, beside one that %s with %s, %s', (grade, score, thaw, thawScore, expected) => {
    const outcome = (of: Outcome['grade'], by: number | undefined) => ({
      grade: of,
      ...(by !== undefined && { score: by }),
    })
    expect(compare(outcome(grade, score), outcome(thaw, thawScore))).toBe(expected)
  })
})

describe('the table', () => {
  it('has a row for each act and contender, and says where pg-thaw has no lead', () => {
    expect(`\n${table(data)}\n`).toMatchInlineSnapshot(`
      "
      | act          | contender         | what it came to               |
      | ------------ | ----------------- | ----------------------------- |
      | 1. One & all | pg.Pool, defaults | ✓ all <b>2</b> calls answered |
      |              | pg.Pool, tuned    | ✓ all <b>2</b> calls answered |
      |              | client per call   | ✓ all <b>2</b> calls answered |
      |              | pg-thaw           | ✓ all <b>2</b> calls answered |
      | 2. Two       | pg.Pool, defaults | ✗ 1 of 2 calls failed         |
      |              | pg.Pool, tuned    | ✗ 1 of 2 calls failed         |
      |              | client per call   | ✗ 1 of 2 calls failed         |
      |              | pg-thaw           | ✗ 1 of 2 calls failed         |

      pg.Pool, defaults is as good as pg-thaw in 1, and better in 2.
      pg.Pool, tuned is as good as pg-thaw in 1, and better in 2.
      client per call is as good as pg-thaw in 1, and better in 2.
      "
    `)
  })

  it('says nothing of a contender that is nowhere as good', () => {
    const [, two] = data.acts
    if (two === undefined) throw new Error('bug: an act is missing')
    const outcomes = { ...two.outcomes, 'pg-thaw': holds }
    expect(noLead({ ...data, acts: [{ ...two, outcomes }] })).toEqual([])
  })
})

describe('the page', () => {
  it('loads nothing', () => {
    expect(page(committed)).not.toMatch(/\b(src|href|action)=|url\(|@import|https?:|<script/)
  })

  it('has each verdict, sessions and calls of each contender, and the acts marked on every plot', () => {
    const text = page(data)
    expect(text.match(/<td class="(holds|fails)">/g)).toHaveLength(data.acts.length * contenders.length)
    expect(text.match(/<figure>/g)).toHaveLength(2 * contenders.length)
    expect(text.match(/<abbr title="One &amp; all">1<\/abbr>/g)).toHaveLength(2 * contenders.length)
    expect(text).toContain('all &lt;b&gt;2&lt;/b&gt; calls answered')
    expect(text).not.toContain('<b>2</b>')
  })
})

describe('a chart', () => {
  const frame = { width: 100, height: 10, seconds: 10, most: 2 }

  it('draws sessions in steps, to its right edge', () => {
    const points = [
      [0, 0],
      [5, 2],
      [7.5, 1],
    ] as const
    expect(sessionsPath(points, frame)).toBe('M0 10H50V0H75V5H100')
  })

  it('draws calls as dots, higher by the logarithm of their time', () => {
    const points = [
      [0, 0, true],
      [5, 10, true],
      [10, 100, true],
    ] as const
    expect(callsPath(points, { ...frame, most: 100 })).toBe('M0 10h.01M50 5h.01M100 0h.01')
  })
})

it('words are wrapped whole, and a word that is too long stands alone', () => {
  expect(wrapped('a bc def incomprehensible g', 6)).toEqual(['a bc', 'def', 'incomprehensible', 'g'])
})
