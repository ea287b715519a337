import { wrapHandler } from '../../../src/index'

/** Runs work as one invocation of a wrapped handler, in this process, with so much time. */
export function invoke<T>(budgetMillis: number, work: () => Promise<T>): Promise<T> {
  const end = performance.now() + budgetMillis
  const context = { getRemainingTimeInMillis: () => end - performance.now() }
  return wrapHandler((_event: unknown, _context: unknown) => work())({}, context)
}
