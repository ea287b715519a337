/** One command of the program. */
export interface Command {
  /** What `--help` says. */
  readonly help: string
  /** Runs it with the arguments behind its name; resolves with the exit status. */
  run(args: readonly string[], signal: AbortSignal): Promise<number>
}

/** A command before it is loaded: whoever calls one needs nothing of the others. */
export interface CommandEntry {
  readonly name: string
  /** What it does, in a line. */
  readonly summary: string
  /** Whether it ends by the signal that it is given, and has something to end; else it ends with the process. */
  readonly endsItself?: boolean
  load(): Promise<Command>
}

/** What a command says to programs. */
export function inJson(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

const CODE = 'CLI_USAGE'

/** What was typed can't be: one line, and exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = CODE
}

/** Commands are files of their own, and have copies of the class. */
export function isUsageError(error: unknown): error is UsageError {
  return error instanceof Error && 'code' in error && error.code === CODE
}
