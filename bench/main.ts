import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startTlsServer } from '../test/support/tls-server'
import { type Bench, type BenchName, benchNames, type Row, roundTripMillis, type Surroundings } from './bench.js'
import { benches } from './benches.js'
import { startDelayProxy } from './delay-proxy.js'
import { compile } from './launch.js'
import { createOrders } from './orders.js'
import { rowTable, targetTable } from './report.js'

const root = join(__dirname, '..')

/** Measures pg-thaw and its peers side by side; `--only` takes names of benches, `--json` ends with all rows as one object. */
async function main(signal: AbortSignal): Promise<void> {
  const { json, asked } = readArguments()
  // Whoever reads the JSON may read the progress elsewhere.
  const report = json ? console.error : console.log
  const chosen = benches.filter(({ names }) => names.some((name) => asked.includes(name)))
  await using program = await compile(root)
  await using databases = await openDatabases(chosen)
  const { database, distantDatabase, certificateAuthority } = databases
  const rows: Row[] = []
  for (const bench of chosen) {
    const order = {
      asked: bench.names.filter((name) => asked.includes(name)),
      surroundings: { root, database, distantDatabase, certificateAuthority },
    }
    try {
      const measured = await program.run(bench, order, signal)
      rows.push(...measured.map(rounded))
      report(`${rowTable(measured)}\n`)
    } catch (error) {
      if (signal.aborted) throw error
      // The others may still be worth reading.
      process.exitCode = 1
      console.error(error)
    }
  }
  report(targetTable(rows))
  if (json) console.log(JSON.stringify({ rows }))
}

/** To more digits than any of them is good for. */
function rounded(row: Row): Row {
  return { ...row, value: Number(row.value.toPrecision(6)) }
}

/** What somebody at the terminal can put right. */
class WrongArguments extends Error {}

function readArguments(): { json: boolean; asked: readonly BenchName[] } {
  const { values } = parsed()
  const usual = benches.filter(({ onlyWhenAsked }) => !onlyWhenAsked).flatMap(({ names }) => names)
  const asked = values.only?.flatMap((names) => names.split(',')) ?? usual
  for (const name of asked) {
    if (!isBenchName(name))
      throw new WrongArguments(`Expected \`--only\` to be one of ${benchNames.join(', ')}, got \`${name}\``)
  }
  return { json: values.json, asked: asked.filter(isBenchName) }
}

function parsed() {
  try {
    return parseArgs({
      options: { only: { type: 'string', multiple: true }, json: { type: 'boolean', default: false } },
    })
  } catch (error) {
    throw new WrongArguments(error instanceof Error ? error.message : String(error))
  }
}

function isBenchName(name: string): name is BenchName {
  return benchNames.some((known) => known === name)
}

interface Databases extends Omit<Surroundings, 'root'> {
  [Symbol.asyncDispose](): Promise<void>
}

/** One server for all, and the way there that is longer, as far as somebody needs them. */
async function openDatabases(chosen: readonly Bench[]): Promise<Databases> {
  if (chosen.every(({ needs }) => needs === 'nothing')) {
    const none = { database: undefined, distantDatabase: undefined, certificateAuthority: undefined }
    return { ...none, [Symbol.asyncDispose]: async () => {} }
  }
  const server = await startTlsServer()
  try {
    const { host, port, user, password, database: name } = server
    const database = { host, port, user, password, database: name }
    if (chosen.some(({ needs }) => needs === 'orders')) await createOrders(database)
    // In this process, which is idle while a bench runs in its own.
    const proxy = await startDelayProxy(database, roundTripMillis / 2)
    return {
      database,
      distantDatabase: { ...database, port: proxy.port },
      certificateAuthority: server.authority.cert,
      [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]().finally(() => server.close()),
    }
  } catch (error) {
    await server.close()
    throw error
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

/** One line for what somebody at the terminal did. */
function told(error: unknown): unknown {
  return error instanceof WrongArguments ? `${error.message}: npm run bench [-- --only NAME] [--json]` : error
}

main(interruption.signal).catch((error: unknown) => {
  if (interruption.signal.aborted) return
  process.exitCode = 1
  console.error(told(error))
})
