import { performance } from 'node:perf_hooks'
import type { RuntimeError } from '../api/runtime-api.js'
import type { Exit } from './process.js'

/** A process that was killed by the fleet. */
export const killed: Exit = { code: null, signal: 'SIGKILL' }

/** How an invocation ended, and what it took. */
export interface InvocationResult {
  outcome: 'response' | 'error' | 'timeout' | 'crash'
  response?: unknown
  error?: RuntimeError
  /** When the response, or the failure in its place, was there; on the clock of `performance.now()`. */
  answeredAt: number
  billedMillis: number
}

/** How init ended. */
export interface InitResult {
  millis: number
  /** Why it failed; the environment has ended then. */
  error?: RuntimeError
}

/** What is reported when the process has ended: how, and the last lines it wrote to stderr. */
export function exitError(exit: Exit, lastErrors: readonly string[]): RuntimeError {
  const how = exit.signal === null ? `exit status ${exit.code}` : `signal: ${exit.signal}`
  return {
    errorType: 'Runtime.ExitError',
    errorMessage: `Runtime exited with error: ${how}`,
    stackTrace: lastErrors,
  }
}

/** What is reported when `subject` took longer than it may. */
export function timeoutError(subject: string, limitMillis: number): RuntimeError {
  const seconds = (limitMillis / 1000).toFixed(2)
  return { errorType: 'Sandbox.Timedout', errorMessage: `${subject} timed out after ${seconds} seconds` }
}

/** What is billed of an invocation that was delivered then, and is over now, ms. */
export function billedSince(deliveredAt: number): number {
  return Math.ceil(performance.now() - deliveredAt)
}
