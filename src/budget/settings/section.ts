import type { Wording } from '../deployment.js'
import { type Problems, wrongValue } from '../errors.js'
import { asCount } from '../template.js'

/** Where a section stands, and where what is wrong in it is noted. */
interface Place {
  readonly file: string
  /** Of the section itself; empty for the outermost one. */
  readonly key: string
  readonly functionName: string | undefined
  readonly wording: Wording
  readonly problems: Problems
}

/** A mapping whose values are checked as they are read: what can't be is noted, and read as if nobody had said it. */
export class Section {
  readonly #place: Place
  readonly #record: Readonly<Record<string, unknown>>

  constructor(place: Place, value: unknown, known: readonly string[] | undefined) {
    const { file, key, functionName, wording, problems } = place
    const name = wording.setting(key, functionName)
    const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isMapping) problems.add(wrongValue(file, name, 'a mapping', value))
    this.#place = place
    this.#record = isMapping ? (value as Record<string, unknown>) : {}
    for (const each of this.keys()) {
      if (known === undefined || known.includes(each)) continue
      problems.add(wrongValue(file, name, `one of the keys ${known.join(', ')}`, each))
    }
  }

  keys(): string[] {
    return Object.keys(this.#record)
  }

  value(key: string): unknown {
    return this.#record[key]
  }

  count(key: string, least: number): number | undefined {
    return this.#read(key, `an integer of ${least} or more`, (value) => {
      const number = asCount(value)
      return number === undefined || number < least ? undefined : number
    })
  }

  text(key: string): string | undefined {
    return this.#read(key, 'a name', (value) => (typeof value === 'string' && value !== '' ? value : undefined))
  }

  choice<T extends string>(key: string, choices: readonly T[]): T | undefined {
    return this.#read(key, `one of ${choices.join(', ')}`, (value) => choices.find((choice) => choice === value))
  }

  flag(key: string): boolean | undefined {
    return this.#read(key, 'true or false', (value) => {
      // Parameters that come from the command line are strings.
      if (value === 'true' || value === 'false') return value === 'true'
      return typeof value === 'boolean' ? value : undefined
    })
  }

  refuse(key: string, expected: string): void {
    const { file, key: own, functionName, wording, problems } = this.#place
    const name = wording.setting(own === '' ? key : `${own}.${key}`, functionName)
    problems.add(wrongValue(file, name, expected, this.#record[key]))
  }

  #read<T>(key: string, expected: string, parse: (value: unknown) => T | undefined): T | undefined {
    const value = this.#record[key]
    if (value === undefined) return undefined
    const parsed = parse(value)
    if (parsed === undefined) this.refuse(key, expected)
    return parsed
  }
}
