import { asCount, Problems, record, wrongValue } from '../budget/index.js'

/**
 * Checks the concurrencies that are written out, and not behind a variable: the framework's own schema, which comes later, refuses
 * them without saying where.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` for each concurrency that can't be.
 */
export function checkWrittenConcurrency(functions: unknown, file: string): void {
  const problems = new Problems()
  for (const [name, configuration] of Object.entries(record(functions))) {
    for (const key of ['reservedConcurrency', 'provisionedConcurrency']) {
      const value = record(configuration)[key]
      if (!isWritten(value) || typeof value === 'object') continue
      const isVariable = typeof value === 'string' && value.includes('${')
      if (isVariable || asCount(value) !== undefined) continue
      problems.add(wrongValue(file, `functions.${name}.${key}`, 'an integer of 0 or more', value))
    }
  }
  problems.throwIfAny()
}

/** Whether it says anything: the framework takes an empty text or `false`, as variables fall back to, for none. */
export function isWritten(concurrency: unknown): boolean {
  return concurrency === 0 || Boolean(concurrency)
}
