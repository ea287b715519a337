import { type Examination, examine, type Patience, reportOf, type Severity } from '../doctor/index.js'
import { type Command, inJson, UsageError } from './command.js'
import { numberOf, readArguments } from './options.js'

const HELP = `pg-thaw doctor [URL] [options]

Connects as a function would, and says what it found and what to set: the way there, TLS, the sign-in, poolers in between, the lease, how
many sessions there is room for, and those that look like leftovers of vanished environments. It changes nothing.

  URL                 postgres://USER:PASSWORD@HOST:PORT/DATABASE. Default: DATABASE_URL, or PGHOST and its kin
  --timeout SECONDS   for an answer. Default: 10
  --idle SECONDS      after which an idle session looks like a leftover. Default: 300, the longest that a lease can be
  --json              for programs
  --help

Exit status: 0 all is well, 1 something is to be set right, 2 what was typed can't be, 3 nothing could work with it.`

const EXPECTED = 'Expected URL to be postgres://USER:PASSWORD@HOST:PORT/DATABASE'

const OPTIONS = {
  timeout: { type: 'string', default: '10' },
  idle: { type: 'string', default: '300' },
  json: { type: 'boolean', default: false },
} as const

const STATUS: Readonly<Record<Severity, number>> = { ok: 0, note: 0, warning: 1, error: 3 }

/** `pg-thaw doctor`. */
export const command: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = readArguments(args, OPTIONS)
    if (positionals.length > 1) throw new UsageError(`Expected one URL, got ${positionals.length} arguments`)
    const connectionString = positionals[0] ?? (process.env.DATABASE_URL || undefined)
    const withinMillis = 1000 * numberOf('timeout', values.timeout, { least: 0.1, most: 900 })
    const leftAfterMillis = 1000 * numberOf('idle', values.idle, { least: 0, most: 86_400 })
    checkSource(connectionString)
    const found = await examined(connectionString, { withinMillis, leftAfterMillis })
    const text = values.json ? inJson(found) : reportOf(found)
    process.stdout.write(text)
    return STATUS[found.severity]
  },
}

async function examined(connectionString: string | undefined, patience: Patience): Promise<Examination> {
  try {
    return await examine(connectionString === undefined ? {} : { connectionString }, patience)
  } catch (error) {
    const { code, message, syscall } = error as NodeJS.ErrnoException
    // Whose text would show it.
    if (code === 'ERR_INVALID_URL') throw new UsageError(EXPECTED)
    // Also a file that it names.
    if (code === 'POOL_OPTION_INVALID' || syscall === 'open') throw new UsageError(message)
    throw error
  }
}

/** Never quotes it: a password may be in it. */
function checkSource(url: string | undefined): void {
  if (url === undefined) {
    const { PGHOST, PGDATABASE, PGUSER } = process.env
    if (PGHOST || PGDATABASE || PGUSER) return
    throw new UsageError(`Which database? ${EXPECTED}, or DATABASE_URL, or PGHOST and its kin`)
  }
  if (!/^(postgres(ql)?:\/\/|\/|socket:)/i.test(url)) throw new UsageError(EXPECTED)
  // Of a password with one of these in it, the rest would be taken for the host, the name of the database, or something else, and shown.
  const [, rest = ''] = /^\w+:\/\/[^/?#]*(.*)/s.exec(url) ?? []
  if (rest.includes('@')) {
    throw new UsageError(`${EXPECTED}, and in USER and PASSWORD %2F for /, %3F for ?, %23 for #, and %40 for @`)
  }
}
