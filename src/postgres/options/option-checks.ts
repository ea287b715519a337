import { inspect } from 'node:util'
import { PoolOptionError } from '../../pool/errors.js'

/** A check of one option's value: what was expected when it is wrong, nothing when it is right. */
export type OptionCheck = (value: unknown) => string | undefined

export const positiveInteger: OptionCheck = (value) =>
  Number.isInteger(value) && (value as number) > 0 ? undefined : 'a positive integer'

export const nonNegativeInteger: OptionCheck = (value) =>
  Number.isInteger(value) && (value as number) >= 0 ? undefined : 'a non-negative integer'

export const usesLimit: OptionCheck = (value) =>
  value === Number.POSITIVE_INFINITY ? undefined : nonNegativeInteger(value) && 'a non-negative integer or Infinity'

/** A duration in `unit`; fractions are allowed, 0 means what the option says it means. */
export function duration(unit: 'ms' | 's', longest = Number.MAX_SAFE_INTEGER): OptionCheck {
  const range = longest === Number.MAX_SAFE_INTEGER ? '0 or more' : `0 to ${longest}`
  return (value) =>
    typeof value === 'number' && value >= 0 && value <= longest ? undefined : `a number of ${unit}, ${range}`
}

export const boolean: OptionCheck = (value) => (typeof value === 'boolean' ? undefined : 'true or false')

export const callable: OptionCheck = (value) => (typeof value === 'function' ? undefined : 'a function')

export const text: OptionCheck = (value) => (typeof value === 'string' ? undefined : 'a string')

export const nonEmptyString: OptionCheck = (value) =>
  typeof value === 'string' && value.trim() !== '' ? undefined : 'a non-empty string'

export function oneOf(...choices: readonly string[]): OptionCheck {
  return (value) =>
    choices.includes(value as string) ? undefined : `one of ${choices.map((it) => `'${it}'`).join(', ')}`
}

export function either(...checks: readonly OptionCheck[]): OptionCheck {
  return (value) => {
    const expected = checks.map((check) => check(value))
    return expected.includes(undefined) ? undefined : expected.join(' or ')
  }
}

/** Options whose value may be a secret: what came is not repeated. */
const SECRET = new Set(['password', 'connectionString', 'ssl', 'credentials'])

/**
 * Refuses options that are unknown or have the wrong value, naming the option, what was expected and what came. Those that are
 * `undefined` or `null` count as not given, as in pg.
 *
 * @throws {PoolOptionError}
 */
export function checkOptions(
  options: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, OptionCheck>>,
): void {
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined
    if (check === undefined) throw unknownOption(name, Object.keys(known))
    const expected = value === undefined || value === null ? undefined : check(value)
    if (expected !== undefined) throw wrongValue(name, expected, value)
  }
}

/**
 * Refuses what is no object: a connection string in place of the options is a likely slip, and has a password in it.
 *
 * @throws {PoolOptionError}
 */
export function checkIsObject(options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return
  const expected = 'Expected the options of a pool to be an object such as `{ connectionString }`'
  throw new PoolOptionError('options', `${expected}, got ${kindOf(options)}`)
}

/** `Expected … to be …, got …` in one line, without repeating a secret. */
export function wrongValue(name: string, expected: string, value: unknown): PoolOptionError {
  const got = SECRET.has(name) ? `${kindOf(value)} that is not shown` : shown(value)
  return new PoolOptionError(name, `Expected \`${name}\` to be ${expected}, got ${got}`)
}

/** What is in an object may be long, and keys that ended up in the wrong place. */
function shown(value: unknown): string {
  const isPlain = (typeof value !== 'object' && typeof value !== 'function') || value === null
  return isPlain ? `${inspect(value, { maxStringLength: 100 })} (${typeof value})` : kindOf(value)
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function unknownOption(name: string, known: readonly string[]): PoolOptionError {
  const near = nearest(name, known)
  return new PoolOptionError(
    name,
    `Unknown option \`${name}\`${near === undefined ? '' : `; did you mean \`${near}\`?`}`,
  )
}

/** The known option that begins with this name, as `connectionTimeoutMillis` does, else the one that differs in a few letters. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const lower = name.toLowerCase()
  const longer = known.filter((it) => name.length > 3 && it.toLowerCase().startsWith(lower))
  if (longer.length === 1) return longer[0]
  const ranked = known.map((it) => ({ it, distance: editDistance(lower, it.toLowerCase()) }))
  const best = ranked.reduce((a, b) => (b.distance < a.distance ? b : a))
  return best.distance <= (name.length > 3 ? Math.max(2, name.length / 4) : 1) ? best.it : undefined
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, substitution))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
