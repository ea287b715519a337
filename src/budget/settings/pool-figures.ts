import type { Deployment } from '../deployment.js'
import { missingValue, wrongValue } from '../errors.js'
import { unknownBecause } from '../expressions.js'
import { asCount, record } from '../template.js'
import { TARGETS, type Target } from './settings.js'

/** The pool's own default (`src/postgres/options/options.ts`). */
const DEFAULT_MAX = 10

/** What one pool of a function goes by. */
export interface PoolFigures {
  readonly max: number
  /** Whether nobody has said `max`, so that it is the pool's own default. */
  readonly isDefaultMax: boolean
  readonly min: number
  readonly target: Target
}

/**
 * What the pools of a function go by: the settings, else the variables that the pool itself reads, else its defaults.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` for a variable that is none the pool would take, or that can't be known.
 */
export function readPoolFigures(name: string, id: string, deployment: Deployment): PoolFigures {
  const { settings, resources, sources, wording } = deployment
  const given = settings.functions[name]
  const variables = record(record(resources[id]?.Properties.Environment).Variables)
  const variable = <T>(setting: string, expected: string, parse: (value: unknown) => T | undefined): T | undefined => {
    const key = `PG_THAW_${setting.toUpperCase()}`
    const value = variables[key]
    if (value === undefined || value === '') return undefined
    const place = wording.property(id, `Environment.Variables.${key}`)
    const because = unknownBecause(value)
    if (because !== undefined) {
      throw missingValue(sources.configuration, wording.setting(setting, name), `${expected}, as ${place} ${because}`)
    }
    const parsed = parse(value)
    if (parsed === undefined) throw wrongValue(sources.fileOf(id), place, expected, value)
    return parsed
  }
  const said = given?.max ?? variable('max', 'an integer of 1 or more', (value) => asCount(value) || undefined)
  const max = said ?? DEFAULT_MAX
  const min = given?.min ?? variable('min', 'an integer of 0 or more', asCount) ?? 1
  const target =
    given?.target ?? variable('target', `one of ${TARGETS.join(', ')}`, (value) => TARGETS.find((it) => it === value))
  // The pool would refuse it, and no environment start.
  if (max > 0 && given?.min !== undefined && given.min > max) {
    throw wrongValue(sources.configuration, wording.setting('min', name), `at most \`max\` (${max})`, given.min)
  }
  return { max, isDefaultMax: said === undefined, min: Math.min(min, max), target: target ?? 'direct' }
}
