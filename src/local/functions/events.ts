import { readFileSync } from 'node:fs'
import { Refusal } from '../refusal.js'

/** What handlers are called with. */
export class Events {
  readonly #byName = new Map<string, unknown>()
  #forAll: unknown = {}

  /**
   * @param given Each JSON, or a file with it, for all functions; or `NAME=` before that, for one.
   * @throws Refusal for what is neither.
   */
  constructor(given: readonly string[], names: readonly string[]) {
    for (const text of given) {
      const [, name = '', rest = ''] = /^([\w-]+)=(.*)$/s.exec(text) ?? []
      if (names.includes(name)) this.#byName.set(name, read(rest))
      else this.#forAll = read(text)
    }
  }

  of(name: string): unknown {
    return this.#byName.has(name) ? this.#byName.get(name) : this.#forAll
  }
}

function read(text: string): unknown {
  const fromFile = contentOf(text)
  try {
    return JSON.parse(fromFile ?? text)
  } catch {
    const found = fromFile === undefined ? 'is neither JSON nor a file' : 'has no JSON in it'
    throw new Refusal(`Expected --event to be JSON, or a file with it: ${text.slice(0, 60)} ${found}`)
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
