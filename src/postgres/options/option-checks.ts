import { PoolOptionError } from '../../pool/errors.js'

/** A check of one option's value: what was expected when it is wrong, nothing when it is right. */
export type OptionCheck = (value: unknown) => string | undefined

export function expecting(expected: string, isRight: (value: unknown) => boolean): OptionCheck {
  return (value) => (isRight(value) ? undefined : expected)
}

/** A number from `least` to `most`; fractions are allowed. */
export function isNumber(it: unknown, least = 0, most = Infinity): boolean {
  return Number.isFinite(it) && (it as number) >= least && (it as number) <= most
}

const isCount = (it: unknown) => Number.isInteger(it) && (it as number) >= 0

export const positiveInteger = expecting('a positive integer', (it) => isCount(it) && it !== 0)

export const nonNegativeInteger = expecting('a non-negative integer', isCount)

export const usesLimit = expecting('a non-negative integer or Infinity', (it) => it === Infinity || isCount(it))

/** What `typeof` may say. */
export function typed(expected: string, ...types: readonly string[]): OptionCheck {
  return expecting(expected, (it) => types.includes(typeof it))
}

export const nonEmptyString = expecting('a non-empty string', (it) => typeof it === 'string' && it.trim() !== '')

export function oneOf(...choices: readonly unknown[]): OptionCheck {
  return expecting(`one of '${choices.join("', '")}'`, (it) => choices.includes(it))
}

/** Options whose value is, or may contain, a secret. */
export const SECRETS: readonly string[] = ['password', 'connectionString', 'ssl']

/** What several options, whose names stand in one text, may be. */
type Known = readonly [names: string, check: OptionCheck, ...unknown[]]

const namesOf = ([names]: Known) => names.split(' ')

/**
 * Refuses options that are unknown or have the wrong value, naming the option, what was expected and what came. Those that are
 * `undefined` or `null` count as not given, as in pg.
 *
 * @throws {PoolOptionError}
 */
export function checkOptions(options: object, known: readonly Known[]): void {
  for (const [name, value] of Object.entries(options)) {
    const option = known.find((it) => namesOf(it).includes(name))
    if (option === undefined) {
      const near = nearest(plain(name), known.flatMap(namesOf))
      throw new PoolOptionError(name, `Unknown option \`${name}\`${near ? `; did you mean \`${near}\`?` : ''}`)
    }
    refuse(name, value !== undefined && value !== null && option[1](value), value)
  }
}

/**
 * Refuses what is no object: a connection string in place of the options is a likely slip, and has a password in it.
 *
 * @throws {PoolOptionError}
 */
export function checkIsObject(options: unknown): void {
  const kind = kindOf(options)
  if (kind === 'an object') return
  const expected = 'Expected the options of a pool to be an object such as `{ connectionString }`'
  throw new PoolOptionError('options', `${expected}, got ${kind}`)
}

/** Refuses a value, if something else was expected. */
export function refuse(name: string, expected: string | false | undefined, value: unknown): void {
  if (expected) throw wrongValue(name, expected, value)
}

/** `Expected … to be …, got …` in one line, without repeating a secret. */
export function wrongValue(name: string, expected: string, value: unknown): PoolOptionError {
  const isSecret = name === 'credentials' || SECRETS.includes(name)
  const got = isSecret ? `${kindOf(value)} that is not shown` : shown(value)
  return new PoolOptionError(name, `Expected \`${name}\` to be ${expected}, got ${got}`)
}

/** What is in an object may be long, and keys that ended up in the wrong place. */
function shown(value: unknown): string {
  const type = typeof value
  if (type === 'object' || type === 'function') return kindOf(value)
  return `${typeof value === 'string' ? `'${value.slice(0, 100)}'` : String(value)} (${type})`
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  const isNothing = value === null || value === undefined
  return isNothing ? `${value}` : `a${typeof value === 'object' ? 'n' : ''} ${typeof value}`
}

/** The known option that begins with this word, or nearly: a slip in every four letters, two at the most. Else one that it begins with. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const slips = Math.min(2, word.length >> 2)
  const longer = slips > 0 ? known.find((it) => begins(plain(it), word, slips)) : undefined
  return longer ?? known.find((it) => word.startsWith(plain(it)))
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\W|_/g, '')
}

/** Whether a word begins with another, but for so many letters that are missing, too many or wrong. */
function begins(word: string, other: string, slips: number): boolean {
  const rest = word.slice(1)
  const otherRest = other.slice(1)
  if (other === '') return true
  if (word[0] === other[0]) return begins(rest, otherRest, slips)
  const left = slips - 1
  return slips > 0 && (begins(rest, other, left) || begins(word, otherRest, left) || begins(rest, otherRest, left))
}
