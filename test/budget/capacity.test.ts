import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { connectionsOfAcus, connectionsOfClass, leastAcus } from '../../src/budget/database/capacity'

describe('the default max_connections', () => {
  it.each([
    [1, 189],
    [4, 823],
    [8, 1669],
    [16, 3360],
    [32, 5000],
    [256, 5000],
  ])("of Aurora Serverless v2 up to %d ACUs is AWS's own figure", (highest, connections) => {
    expect(connectionsOfAcus(1, highest)).toBe(connections)
  })

  it('of a capacity between two figures of AWS lies between them, never above the line', () => {
    expect(connectionsOfAcus(1, 2)).toBe(400)
    expect(connectionsOfAcus(1, 12.5)).toBe(2620)
  })

  it('is capped where the cluster may scale down to half a unit, or pause', () => {
    expect(connectionsOfAcus(0, 16)).toBe(2000)
    expect(connectionsOfAcus(0.5, 16)).toBe(2000)
    expect(connectionsOfAcus(1, 16)).toBe(3360)
    expect(connectionsOfAcus(0, 2)).toBe(400)
  })

  it.each([
    [1, 0.5],
    [4, 2],
    [0.7, 2],
    [-1, 2],
    [1, 257],
  ])('is of no capacity from %d to %d, which can not be', (lowest, highest) => {
    expect(connectionsOfAcus(lowest, highest)).toBeUndefined()
  })

  it.each([
    ['db.t4g.medium', 405],
    ['db.t4g.large', 844],
    ['db.r6g.large', 1722],
    ['db.r6g.xlarge', 3479],
    ['db.r6g.2xlarge', 5000],
    ['db.m7g.large', 844],
    ['db.x2g.xlarge', 5000],
  ])('of %s is what AWS says', (instanceClass, connections) => {
    expect(connectionsOfClass(instanceClass)).toBe(connections)
  })

  it('of a small class is less than its nominal memory gives, as the system keeps a part', () => {
    // 1 GiB / 9531392 would be 112.
    expect(connectionsOfClass('db.t4g.micro')).toBe(75)
  })

  it.each(['db.r6g', 'r6g.large', 'db.q9.large', 'db.r6g.huge', 'db.t4g.24xlarge', 'db.serverless', ''])(
    'of "%s", which is no class, is not known',
    (instanceClass) => {
      expect(connectionsOfClass(instanceClass)).toBeUndefined()
    },
  )

  it('is in the docs as it is here', () => {
    const docs = readFileSync('docs/sizing.md', 'utf8')
    const byAcus = [...docs.matchAll(/^\| (\d+) ACU.*? \| (\d+) \|/gm)].map(([, acus, figure]) => [acus, figure])
    const byClass = [...docs.matchAll(/\| (db\.\S+).*? \| (\d+) \|$/gm)].map(([, name = '', figure]) => [name, figure])
    expect([byAcus.length, byClass.length]).toEqual([6, 6])
    expect(byAcus).toEqual(byAcus.map(([acus]) => [acus, String(connectionsOfAcus(1, Number(acus)))]))
    expect(byClass).toEqual(byClass.map(([name = '']) => [name, String(connectionsOfClass(name))]))
  })

  it('names the capacity that would be enough, if there is one', () => {
    expect(leastAcus(1, 823)).toBe(4)
    expect(leastAcus(1, 824)).toBe(4.5)
    expect(leastAcus(0, 2001)).toBeUndefined()
  })
})
