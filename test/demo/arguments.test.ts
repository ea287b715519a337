import { describe, expect, it } from 'vitest'
import { acts } from '../../demo/acts/index'
import { readArguments } from '../../demo/arguments'

describe('the arguments of the demo', () => {
  it('are none for all acts', () => {
    expect(readArguments([])).toEqual({ json: false, svg: false, acts })
  })

  it('choose acts by name, in the order of the demo', () => {
    const chosen = readArguments(['--json', '--act', 'burst', '--act=ended-sessions']).acts
    expect(chosen.map(({ name }) => name)).toEqual(['ended-sessions', 'burst'])
  })

  it.each([
    [['--jsn'], '--jsn'],
    [['fast'], 'fast'],
    [['--json=yes'], '--json'],
    [['--act'], '--act'],
    [['--act', 'bursts'], "There is no act 'bursts'; there are ended-sessions, "],
    [['--json', '--svg'], "Either '--json' or '--svg'"],
    [['--svg', '--act', 'burst'], "'--svg' takes no '--act'"],
  ])('%j are refused by name', (args, message) => {
    expect(() => readArguments(args)).toThrow(expect.objectContaining({ name: 'UnknownArgument' }))
    expect(() => readArguments(args)).toThrow(message)
  })

  it('name each act once', () => {
    const names = acts.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})
