import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bundle, contenders } from './bundle'
import { compete } from './compare'
import { openDatabase, UnusableDatabase } from './database'
import type { Summary } from './summary'
import { table } from './table'
import { workload } from './workload'

/** Three ways to hold connections on Lambda, side by side; `--json` prints the numbers on the last line. */
async function main(json: boolean, signal: AbortSignal): Promise<void> {
  // Whoever reads the JSON may read the progress elsewhere.
  const report = json ? console.error : console.log
  const directory = await mkdtemp(join(tmpdir(), 'pg-thaw-demo-'))
  try {
    const moduleOf = await bundle(directory)
    await using database = await openDatabase()
    report(`The server: ${database.description}.`)
    report(
      `The workload: ${workload.callers} callers with ${workload.callsPerCaller} calls each, ` +
        `a lull of ${workload.lullMillis / 1000} s, the same again, then the fleet vanishes without a goodbye.\n`,
    )
    const rows: Record<string, Summary> = {}
    for (const contender of contenders) {
      rows[contender] = await compete(contender, moduleOf(contender), database, signal, report)
    }
    report(
      `\nTimes are of the database part of a call that succeeded, from asking for a connection to giving it back.\n` +
        `Sessions left: ${workload.settleMillis / 1000} s after the fleet vanished.\n`,
    )
    console.log(json ? JSON.stringify({ contenders: rows }) : table(rows))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const interruption = new AbortController()
for (const [name, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  // Not once: npm, tsx and the terminal may each pass on the same Ctrl-C. Cleaning up takes a moment, and is bounded.
  process.on(name, () => {
    process.exitCode = code
    interruption.abort()
  })
}

/** Whether `--json` was given. */
function readArguments(): boolean {
  return parseArgs({ options: { json: { type: 'boolean', default: false } } }).values.json
}

/** One line for what somebody at the terminal did. */
function told(error: unknown): unknown {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code.startsWith('ERR_PARSE_ARGS_')) return `${message}: npm run demo [-- --json]`
  return error instanceof UnusableDatabase ? message : error
}

Promise.resolve()
  .then(() => main(readArguments(), interruption.signal))
  .catch((error: unknown) => {
    if (interruption.signal.aborted) return
    process.exitCode = 1
    console.error(told(error))
  })
