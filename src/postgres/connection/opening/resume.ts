import { elapsedMillis, type Instant, systemClock } from '../../../pool/clock.js'
import { codeOf } from '../../../pool/errors.js'
import { SQLSTATE } from '../session/sqlstate.js'

/**
 * A database that resumes from a pause (Aurora Serverless at 0 ACU) first refuses whoever signs in, with the SQLSTATE of somebody who may
 * not (28000), and then says nothing until it answers. So for as long as that may take, such a refusal is none.
 */
export class Resume {
  readonly #millis: number
  #first: Instant | undefined
  #last: Instant | undefined
  /** Several ask of one and the same failure, and hear the same. */
  readonly #judged = new WeakMap<object, boolean>()

  constructor(millis: number) {
    this.#millis = millis
  }

  /** Whether a connect that failed so is worth trying again. What is refused for longer is refused for good. */
  isUnderWay(error: unknown): boolean {
    if (this.#millis === 0 || codeOf(error) !== SQLSTATE.INVALID_AUTHORIZATION) return false
    const failure = error as object
    const isUnderWay = this.#judged.get(failure) ?? this.#judge()
    this.#judged.set(failure, isUnderWay)
    return isUnderWay
  }

  isOver(): void {
    this.#last = undefined
  }

  #judge(): boolean {
    const now = systemClock.now()
    // One that was long ago belongs to another pause.
    if (this.#last === undefined || elapsedMillis(this.#last, now) > this.#millis) this.#first = now
    this.#last = now
    const isStill = elapsedMillis(this.#first ?? now, now) < this.#millis
    if (!isStill) this.isOver()
    return isStill
  }
}

/** What whoever is refused so may want to know. */
export function resumeHint(resumeMillis: number, invocationMillis: number): string {
  if (resumeMillis > invocationMillis) {
    return `\`resumeMillis\` is ${resumeMillis}, but a call is over after ${invocationMillis} ms`
  }
  const text = 'a database that resumes from a pause says so, too'
  return resumeMillis === 0
    ? `${text}: \`resumeMillis\` is how long to try again`
    : `${text}, for up to ${resumeMillis} ms`
}
