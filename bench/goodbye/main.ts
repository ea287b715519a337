import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { startPostgres } from '../../scripts/postgres-server'
import { deployments, type Way } from '../../test/lambda/fixtures/goodbye-bundles'
import { loadTesting } from '../lambda-functions'
import { table } from '../report'

/** Environments that end at once, with one session each, every other one in a transaction. */
const environments = 20
const ways: readonly Way[] = ['an import in an ES module', 'a preloaded file']
const observing = 'observer'
const root = join(__dirname, '..', '..')

/** When things happened after the order to end, ms; of the first and of the last environment. */
interface Times {
  /** The process has thawed, and JavaScript hears the signal. */
  readonly heard: Span
  /** The Terminate message is written. */
  readonly left: Span
  /** The server says that the session has ended. */
  readonly ended: Span
  /** All processes are gone. */
  readonly over: number
  /** Somebody who keeps asking from the order on sees no session any more. */
  readonly seen: number
}

type Span = readonly [first: number, last: number]

/** Of who keeps asking, ms. */
const pollEveryMillis = 5

/**
 * How long the sessions of environments that are told to end take to go, by the server's log, which has the time of each end. `--ric`
 * names a directory with AWS's runtime client (`npm install aws-lambda-ric`), which then runs the function in place of the emulated one.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, ric: { type: 'string' } } })
  await using built = await deployed()
  const runtime = values.ric === undefined ? undefined : await runtimeClient(resolve(values.ric), built.directory)
  for (const way of ways) {
    const lines: string[][] = []
    for (let run = 1; run <= Number(values.runs); run++) {
      const { heard, left, ended, over, seen } = await measure(built.of[way], runtime)
      lines.push([String(run), ...[heard, left, ended].map(shown), ...[over, seen].map((it) => String(Math.round(it)))])
    }
    const heading = [
      way,
      'signal heard, ms',
      'Terminate sent, ms',
      'session ended, ms',
      'processes gone, ms',
      'seen, ms',
    ]
    console.log(`${table(heading, lines, [1, 2, 3, 4, 5])}\n`)
  }
}

function shown([first, last]: Span): string {
  return `${Math.round(first)} to ${Math.round(last)}`
}

async function measure(
  { module, env }: { module: string; env: Record<string, string> },
  nodePath?: string,
): Promise<Times> {
  const ended: number[] = []
  await using server = await startPostgres({
    settings: { log_disconnections: 'on', log_line_prefix: '%m ', log_timezone: 'UTC' },
    onLog: (line) => {
      if (line.includes('disconnection:')) ended.push(Date.parse(line.slice(0, 23).replace(' ', 'T').concat('Z')))
    },
  })
  const told: { heard: number; left: number }[] = []
  const { host, port, user, password, database } = server
  const probe = `--import ${join(root, 'bench', 'goodbye', 'probe.mjs')}`
  await using lambda = await loadTesting(root).startLambda({
    module,
    database: { host, port },
    env: {
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      ...env,
      NODE_OPTIONS: `${probe} ${env.NODE_OPTIONS ?? ''}`,
    },
    timeoutMillis: 30_000,
    initTimeoutMillis: 30_000,
    onLog: ({ text }) => {
      if (text.startsWith('{"heard"')) told.push(JSON.parse(text))
      else console.error(text)
    },
    ...(nodePath !== undefined && { nodePath }),
  })
  const leave = (at: number) => lambda.invoke(at % 2 === 0 ? 'idle' : 'transaction')
  const calls = await Promise.all(Array.from({ length: environments }, (_, at) => leave(at)))
  const failed = calls.find(({ outcome }) => outcome !== 'response')
  if (failed !== undefined) throw new Error(JSON.stringify(failed))
  const observer = new Client({ host, port, user, password, database, application_name: observing })
  await observer.connect()
  await pause(500)
  ended.length = 0
  const ordered = performance.timeOrigin + performance.now()
  const sinceOrder = () => performance.timeOrigin + performance.now() - ordered
  const [over, seen] = await Promise.all([
    lambda.scaleIn().then(sinceOrder),
    untilNoSessions(observer).then(sinceOrder),
  ])
  for (let tries = 200; ended.length < environments && tries > 0; tries--) await pause(10)
  if (ended.length < environments) throw new Error(`${environments - ended.length} sessions are left`)
  const since = (times: readonly number[]): Span => [Math.min(...times) - ordered, Math.max(...times) - ordered]
  await observer.end()
  return {
    heard: since(told.map((it) => it.heard)),
    left: since(told.map((it) => it.left)),
    ended: since(ended),
    over,
    seen,
  }
}

async function untilNoSessions(observer: Client): Promise<void> {
  const others = `SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> '${observing}'`
  while ((await observer.query(others)).rowCount !== 0) await pause(pollEveryMillis)
}

async function deployed() {
  const directory = await mkdtemp(join(tmpdir(), 'pg-thaw-goodbye-bench-'))
  const { of, dispose } = await deployments()
  return {
    of,
    directory,
    [Symbol.asyncDispose]: async () => {
      dispose()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** A stand-in for the Node.js binary, which starts AWS's client with the function that it is to start the emulated runtime with. */
async function runtimeClient(from: string, directory: string): Promise<string> {
  const file = join(directory, 'node')
  const installed = join(from, 'node_modules', 'aws-lambda-ric')
  const { bin } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  const client = join(installed, bin['aws-lambda-ric'])
  await writeFile(
    file,
    `#!/bin/sh
[ "$1" = -p ] && exec ${process.execPath} "$@"
exec ${process.execPath} ${client} index.handler
`,
  )
  await chmod(file, 0o755)
  return file
}

main().catch((error: unknown) => {
  process.exitCode = 1
  console.error(error)
})
