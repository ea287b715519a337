/** Codes of what stops a packaging; stable. */
export type BudgetErrorCode =
  /** A key is missing, or its value can't be. */
  | 'PG_THAW_CONFIGURATION'
  /** The functions could open more sessions than the database has. */
  | 'PG_THAW_BUDGET'

/** Why a service can't be packaged. The message names the file and the key, or shows the budget. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError'
  readonly code: BudgetErrorCode

  constructor(code: BudgetErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A refusal of one value: one line that names the file, the key, what was expected and what came. */
export function wrongValue(file: string, key: string, expected: string, value: unknown): BudgetError {
  return new BudgetError(
    'PG_THAW_CONFIGURATION',
    value === undefined || value === null
      ? `${file}: ${key} is missing: expected ${expected}`
      : `${file}: ${key}: expected ${expected}, got ${shown(value)}`,
  )
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? `"${value}"` : JSON.stringify(value)
  return `${text.length > 80 ? `${text.slice(0, 80)}…` : text} (${Array.isArray(value) ? 'array' : typeof value})`
}
