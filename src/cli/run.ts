import { type CommandEntry, isUsageError } from './command.js'

const PROGRAM = 'pg-thaw'

/** Finds the command that was named, and runs it; resolves with the exit status. */
export async function run(
  commands: readonly CommandEntry[],
  [name, ...args]: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h') {
    process.stdout.write(`${usage(commands)}\n`)
    return name === undefined ? 2 : 0
  }
  const entry = commands.find((it) => it.name === name)
  const names = commands.map((it) => it.name).join(', ')
  if (entry === undefined) return refuse(`Unknown command ${name}: expected ${names}, or --help`)
  try {
    const command = await entry.load()
    return await command.run(args, signal)
  } catch (error) {
    if (isUsageError(error)) return refuse(`${error.message} (${PROGRAM} ${name} --help)`)
    throw error
  }
}

function usage(commands: readonly CommandEntry[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`)
  return [`${PROGRAM} COMMAND [options]`, '', ...lines, '', `${PROGRAM} COMMAND --help says more.`].join('\n')
}

function refuse(text: string): number {
  process.stderr.write(`${text}\n`)
  return 2
}
