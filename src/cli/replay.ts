import { createReadStream, writeFileSync } from 'node:fs'
import { CallsError, compare, plotOf, type Recorded, readCalls, reportOf } from '../replay/index.js'
import { type Command, inJson, UsageError } from './command.js'
import { numberOf, readArguments } from './options.js'

const HELP = `pg-thaw replay CALLS.csv [options]

Replays a record of calls with the policies that there are, and says what each comes to: connects of warm calls, idle sessions, cost; and which
options fit. One connection a call; environments come and go as Lambda's do.

  CALLS.csv           a row for each call, with the columns timestamp (ISO 8601, or s or ms since 1970) and duration (ms), and function where there
                      are several; or the export of CloudWatch Logs Insights (docs/replay.md has the query). - for standard input
  --connect SECONDS   what a connect is worth: so long an idle session. Default: 60
  --timeout SECONDS   how long the function may run. Default: 3
  --seed N            of what is left to chance: when environments are reclaimed. Default: 1
  --plot FILE         idle sessions over time, as SVG
  --json              for programs
  --help

Exit status: 0, and 2 where what was typed, or the record, can't be.`

const OPTIONS = {
  connect: { type: 'string', default: '60' },
  timeout: { type: 'string', default: '3' },
  seed: { type: 'string', default: '1' },
  plot: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

/** `pg-thaw replay`. */
export const command: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = readArguments(args, OPTIONS)
    const [file] = positionals
    if (file === undefined || positionals.length > 1) {
      throw new UsageError(`Expected one file, got ${positionals.length}`)
    }
    const connectMillis = 1000 * numberOf('connect', values.connect, { least: 0.001, most: 86_400 })
    const timeoutMillis = 1000 * numberOf('timeout', values.timeout, { least: 0.1, most: 900 })
    const seed = numberOf('seed', values.seed, { least: 0, most: 2 ** 31, isInteger: true })
    const recorded = await read(file)
    const comparison = compare(recorded, { connectMillis, timeoutMillis, seed })
    if (values.plot !== undefined) write(values.plot, plotOf(comparison))
    const { passedOver } = recorded
    const text = values.json ? inJson({ ...comparison, passedOver }) : reportOf(comparison, connectMillis, passedOver)
    process.stdout.write(text)
    return 0
  },
}

async function read(file: string): Promise<Recorded> {
  try {
    return await readCalls(file === '-' ? process.stdin : createReadStream(file))
  } catch (error) {
    if (error instanceof CallsError) throw new UsageError(`${file}: ${error.message}`)
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall !== undefined) throw new UsageError(`Expected CALLS.csv to be a file, got ${file}: ${code}`)
    throw error
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    throw new UsageError(`Expected --plot to be a file, got ${file}: ${(error as NodeJS.ErrnoException).code}`)
  }
}
