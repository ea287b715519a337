import { unknownBecause } from './expressions.js'

/** Codes of what stops a deployment; stable. */
export type BudgetErrorCode =
  /** Keys are missing, or their values can't be. */
  | 'PG_THAW_CONFIGURATION'
  /** The functions could open more sessions than the database has. */
  | 'PG_THAW_BUDGET'

/** Why a budget can't be drawn up. */
export interface Problem {
  /**
   * - `missing`: a question; nobody has said it, or it can't be known before the deployment.
   * - `wrong`: what was said can't be.
   */
  readonly kind: 'missing' | 'wrong'
  /** One line, which names the file and the key. */
  readonly message: string
}

/** Why a deployment is stopped. The message has a line for each problem, or shows the budget. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError'
  readonly code: BudgetErrorCode
  /** None where the budget was drawn up, and does not fit. */
  readonly problems: readonly Problem[]

  constructor(code: BudgetErrorCode, message: string, problems: readonly Problem[] = []) {
    super(message)
    this.code = code
    this.problems = problems
  }
}

/** A refusal of one value: one line that names the file, the key, what was expected and what came. A value that is none is missing. */
export function wrongValue(file: string, key: string, expected: string, value: unknown): BudgetError {
  if (value === undefined || value === null) return missingValue(file, key, expected)
  return ofOne('wrong', `${file}: ${key}: expected ${expected}, got ${shown(value)}`)
}

/** A question: what nobody has said. */
export function missingValue(file: string, key: string, expected: string): BudgetError {
  return ofOne('missing', `${file}: ${key} is missing: expected ${expected}`)
}

/** A question about a value of the template that says nothing to us, or that can't be known before the deployment. */
export function unknownValue(file: string, key: string, expected: string, value: unknown): BudgetError {
  const because = unknownBecause(value)
  if (because !== undefined) return ofOne('missing', `${file}: ${key} ${because}: expected ${expected}`)
  return ofOne('missing', wrongValue(file, key, expected, value).message)
}

/** A refusal of a value of the template, unless it can't be known before the deployment: then it is a question. */
export function wrongProperty(file: string, key: string, expected: string, value: unknown): BudgetError {
  const isKnown = unknownBecause(value) === undefined
  return (isKnown ? wrongValue : unknownValue)(file, key, expected, value)
}

/** Collects what is missing or wrong, so that one run says all of it. */
export class Problems {
  readonly #found: Problem[] = []

  add({ problems }: BudgetError): void {
    this.#found.push(...problems)
  }

  /** Does what it can of a part; a refusal is noted, and the part is left out. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error
      this.add(error)
      return undefined
    }
  }

  /** @throws {BudgetError} `PG_THAW_CONFIGURATION` if anything was found, a line each. */
  throwIfAny(): void {
    this.#throw(this.#found)
  }

  /** @throws {BudgetError} `PG_THAW_CONFIGURATION` if anything wrong was found; what is missing is left to others. */
  throwIfWrong(): void {
    this.#throw(this.#found.filter(({ kind }) => kind === 'wrong'))
  }

  #throw(found: readonly Problem[]): void {
    if (found.length === 0) return
    // One that concerns all functions is found for each of them.
    const problems = [...new Map(found.map((problem) => [problem.message, problem])).values()]
    throw new BudgetError('PG_THAW_CONFIGURATION', problems.map(({ message }) => message).join('\n'), problems)
  }
}

function ofOne(kind: Problem['kind'], message: string): BudgetError {
  return new BudgetError('PG_THAW_CONFIGURATION', message, [{ kind, message }])
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? `"${value}"` : JSON.stringify(value)
  return `${text.length > 80 ? `${text.slice(0, 80)}…` : text} (${Array.isArray(value) ? 'array' : typeof value})`
}
