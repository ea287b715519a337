#!/usr/bin/env node
import { version } from '../package.json'
import type { CommandEntry } from './cli/command.js'
import { run } from './cli/run.js'

const commands: readonly CommandEntry[] = [
  {
    name: 'budget',
    summary: 'adds up the sessions that your functions may open, and says whether the database has as many',
    load: async () => (await import('./cli/budget.js')).command,
  },
  {
    name: 'doctor',
    summary: 'connects to your database as a function would, and says what it found and what to set',
    load: async () => (await import('./cli/doctor.js')).command,
  },
  {
    name: 'local',
    summary: 'runs your handlers on this machine, in processes that freeze, and shows what they do',
    endsItself: true,
    load: async () => (await import('./cli/local.js')).command,
  },
  {
    name: 'replay',
    summary: 'replays a record of your calls, and says what keeping connections would cost and save',
    load: async () => (await import('./cli/replay.js')).command,
  },
]

const interruption = new AbortController()
const endsItself = commands.some((it) => it.name === process.argv[2] && it.endsItself)
for (const [name, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  // Not once: npm and the terminal may each pass on the same Ctrl-C. Ending takes a moment, and is bounded.
  process.on(name, () => (endsItself ? interruption.abort() : process.exit(status)))
}
// Whoever reads it has had enough, such as `head`: what is found counts all the same, and says how it ends.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(1)
  interruption.abort()
})

run(commands, version, process.argv.slice(2), interruption.signal).then(
  (status) => {
    process.exitCode = status
  },
  (error: unknown) => {
    process.exitCode = 1
    process.stderr.write(`${told(error)}\n`)
  },
)

/** One line for what is somebody else's. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE')
    return 'Somebody else listens on that port, and on those after it: choose another with --port'
  return typeof code === 'string' ? `${message} (${code})` : (error.stack ?? message)
}
