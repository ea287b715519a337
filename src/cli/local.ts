import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { type Local, Refusal, startLocal } from '../local/index.js'
import { type Command, UsageError } from './command.js'
import { numberOf, readArguments } from './options.js'

const HELP = `pg-thaw local HANDLER… [options]

Runs handlers on this machine as Lambda does, in processes that are frozen between calls, and shows on a page what they, their connections
and the database do. A handler is [NAME=]path/to/module.export, such as dist/orders.handler.

  --database URL      postgres://USER:PASSWORD@HOST:PORT/DATABASE. Default: DATABASE_URL, or PGHOST and its kin
  --event JSON|FILE   what the handlers are called with; NAME=JSON|FILE for one of them. May be repeated. Default: {}
  --env-file FILE     variables of the functions, which inherit none of the shell's
  --import MODULE     preloaded into each environment: tsx for TypeScript, pg-thaw/goodbye. May be repeated
  --timeout SECONDS   of the functions. Default: 3
  --concurrency N     most environments of a function at once. Default: 10
  --idle SECONDS      after which an environment ends that nobody calls. Default: 60
  --port PORT         of the page, or the next free one. Default: 3000
  --help`

const OPTIONS = {
  database: { type: 'string' },
  event: { type: 'string', multiple: true },
  'env-file': { type: 'string' },
  import: { type: 'string', multiple: true },
  timeout: { type: 'string', default: '3' },
  concurrency: { type: 'string', default: '10' },
  idle: { type: 'string', default: '60' },
  port: { type: 'string', default: '3000' },
} as const

/** `pg-thaw local`: the page for one's own handlers, until it is interrupted. */
export const command: Command = {
  help: HELP,
  async run(args, signal) {
    const { values, positionals } = readArguments(args, OPTIONS)
    const port = numberOf('port', values.port, { least: 0, most: 65_535, isInteger: true })
    const local = await startLocal({
      handlers: positionals,
      database: values.database,
      port,
      timeoutMillis: 1000 * numberOf('timeout', values.timeout, { least: 0.1, most: 900 }),
      concurrency: numberOf('concurrency', values.concurrency, { least: 1, most: 1000, isInteger: true }),
      idleMillis: 1000 * numberOf('idle', values.idle, { least: 0.1, most: 86_400 }),
      events: values.event ?? [],
      imports: values.import ?? [],
      functionVariables: variablesIn(values['env-file']),
      variables: process.env,
    }).catch((error: unknown) => {
      throw error instanceof Refusal ? new UsageError(error.message) : error
    })
    try {
      if (port !== 0 && local.port !== port) {
        process.stdout.write(`Somebody else listens on port ${port}: it is ${local.port} instead\n`)
      }
      process.stdout.write(welcome(local))
      if (!signal.aborted) await once(signal, 'abort')
    } finally {
      await local.close()
    }
    return 0
  },
}

function welcome({ url, functions, database }: Local): string {
  const calls = functions.map((name) => `  ${url}/invoke/${name}   calls ${name}, with the body as its event\n`)
  return `\n  ${url}   shows environments and sessions, live\n${calls.join('')}\n  The database is ${database}. Ctrl-C ends it.\n`
}

function variablesIn(file: string | undefined): Record<string, string> {
  if (file === undefined) return {}
  try {
    return parseEnv(readFileSync(file, 'utf8')) as Record<string, string>
  } catch (error) {
    throw new UsageError(`Expected --env-file to be a file, got ${file}: ${(error as NodeJS.ErrnoException).code}`)
  }
}
