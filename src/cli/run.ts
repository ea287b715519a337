import { type CommandEntry, isUsageError } from './command.js'

const PROGRAM = 'pg-thaw'

/** Finds the command that was named, and runs it; resolves with the exit status. */
export async function run(
  commands: readonly CommandEntry[],
  version: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  // `help` of a command is its own `--help`.
  const [name, ...rest] = args[0] === 'help' && args[1] !== undefined ? [args[1], '--help'] : args
  if (name === '--version' || name === '-v') return print(version)
  if (name === 'help' || isHelp(name)) return print(usage(commands))
  if (name === undefined) {
    print(usage(commands))
    return 2
  }
  const entry = commands.find((it) => it.name === name)
  const names = commands.map((it) => it.name).join(', ')
  if (entry === undefined) return refuse(`Unknown command ${name}: expected ${names}, or --help`)
  try {
    const command = await entry.load()
    if (rest.some(isHelp)) return print(command.help)
    return await command.run(rest, signal)
  } catch (error) {
    if (isUsageError(error)) return refuse(`${error.message} (${PROGRAM} ${name} --help)`)
    throw error
  }
}

function isHelp(argument: string | undefined): boolean {
  return argument === '--help' || argument === '-h'
}

function usage(commands: readonly CommandEntry[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`)
  const more = `${PROGRAM} help COMMAND says more, ${PROGRAM} --version which version it is.`
  return [`${PROGRAM} COMMAND [options]`, '', ...lines, '', more].join('\n')
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}

function refuse(text: string): number {
  process.stderr.write(`${text}\n`)
  return 2
}
