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
 * Refuses options that have the wrong value, naming the option, what was expected and what came. Those that are `undefined` or `null`
 * count as not given, as in pg. Unknown ones: {@link checkStranger}.
 *
 * @throws {PoolOptionError}
 */
export function checkOptions(options: object, known: readonly Known[]): void {
  for (const [name, value] of Object.entries(options)) {
    const option = known.find((it) => namesOf(it).includes(name))
    if (option === undefined) checkStranger(name, value, known)
    // pg would take NaN for nothing, whatever it was meant to limit.
    else if (value !== undefined && value !== null)
      refuse(name, option[1](value) ?? (Number.isNaN(value) && 'a number'), value)
  }
}

const told = new Set<string>()

/** A process warning of what was made of options: once for each text. */
export function tellOnce(code: string, text: string): void {
  if (told.has(text)) return
  told.add(text)
  process.emitWarning(text, { type: 'PgThawWarning', code })
}

/**
 * An option that is none. Libraries hand their own on to the pool that they make, and pg passes over them: so does this, with a process
 * warning for each name. But what is nearly the name of an option which could have such a value is a slip.
 *
 * @throws {PoolOptionError} that suggests the name.
 */
function checkStranger(name: string, value: unknown, known: readonly Known[]): void {
  const word = plain(name)
  const all = known.flatMap((it) => namesOf(it).map((name) => ({ name, check: it[1] })))
  const slip = all.find((it) => isSlip(word, plain(it.name)) && couldBe(value, it.check))
  if (slip) throw new PoolOptionError(name, `Unknown option \`${name}\`; did you mean \`${slip.name}\`?`)
  const near = word && all.find((it) => word.startsWith(plain(it.name)) || plain(it.name).startsWith(word))
  const text = `Unknown option \`${name}\` of a pool: it is passed over${near ? `; did you mean \`${near.name}\`?` : ''}`
  tellOnce('PG_THAW_OPTION', text)
}

/** Whether an option may have this value, or another number in place of this one. */
function couldBe(value: unknown, check: OptionCheck): boolean {
  if (value === undefined || value === null) return false
  const isNumeric = typeof value === 'number' || (typeof value === 'string' && Number.isFinite(Number(value)))
  return [value, ...(isNumeric ? [0, 1, 1000] : [])].some((it) => check(it) === undefined)
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
  // A connection string in the wrong place has a password in it all the same.
  const isSecret =
    name === 'credentials' || SECRETS.includes(name) || (typeof value === 'string' && value.includes('://'))
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

/** Whether a word is a known name or nearly, with its unit or without: a slip in every four letters, two at the most. */
function isSlip(word: string, known: string): boolean {
  const slips = Math.min(2, word.length >> 2)
  return [known, known.replace(/(milli|second)s$/, '')].some((it) => areNear(word, it, slips))
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\W|_/g, '')
}

/** Whether words are the same, but for so many letters that are missing, too many or wrong. */
function areNear(word: string, other: string, slips: number): boolean {
  if (word === '' || other === '') return word.length + other.length <= slips
  const rest = word.slice(1)
  const otherRest = other.slice(1)
  if (word[0] === other[0]) return areNear(rest, otherRest, slips)
  const left = slips - 1
  return slips > 0 && (areNear(rest, other, left) || areNear(word, otherRest, left) || areNear(rest, otherRest, left))
}
