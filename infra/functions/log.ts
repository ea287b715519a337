import type { Context } from 'aws-lambda'

/** Writes one line of JSON. Not through the console, which on Lambda puts a prefix in front, so that the line is no JSON any more. */
export function log(
  context: Context,
  level: 'INFO' | 'WARN' | 'ERROR',
  message: string,
  fields: Record<string, unknown>,
): void {
  const line = { level, message, requestId: context.awsRequestId, ...fields }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Writes what failed, with the error's stable `code`: the metric filters of infra/resources/observability.yml look for it. */
export function logError(
  context: Context,
  message: string,
  error: unknown,
  fields: Record<string, unknown> = {},
): void {
  const { name, message: reason, code, retry } = told(error)
  log(context, 'ERROR', message, { error: name, code, retry, reason, ...fields })
}

interface Told {
  readonly name: string
  readonly message: string
  readonly code?: unknown
  /** What the pool's errors say of trying again. */
  readonly retry?: unknown
}

function told(error: unknown): Told {
  return error instanceof Error ? error : { name: typeof error, message: String(error) }
}
