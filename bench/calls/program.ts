import { readFileSync } from 'node:fs'
import { type Profiler, Session } from 'node:inspector/promises'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { Pool } from 'pg-thaw'
import type { CountedFunction, CountingOrder } from './count.js'

/** Queries that are counted, one after the other. */
const queries = 50
/** And those before them: the connection is open, and whatever happens once has happened. */
const warmups = 20

/** Counts the calls of our functions, in a process of its own: whoever counts in this one already would be disturbed. */
async function main({ sources, database, max }: CountingOrder): Promise<CountedFunction[]> {
  const pool = new Pool({ ...database, ...(max !== undefined && { max }) })
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  // From here on nothing is optimised, so that nothing is inlined and each call is seen.
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  await ask(pool, warmups)
  // Taking the counts sets them back.
  await session.post('Profiler.takePreciseCoverage')
  await ask(pool, queries)
  const { result } = await session.post('Profiler.takePreciseCoverage')
  session.disconnect()
  await pool.end()
  const script = result.find(({ url }) => url.endsWith(__filename))
  if (script === undefined) throw new Error('bug: this program was not counted')
  return countedIn(script, sources)
}

async function ask(pool: Pool, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await pool.query('SELECT 1')
}

/**
 * What each query calls: to the nearest whole number, function by function, since what every query passes has a multiple of their number
 * but for the few calls that something timed (a timer that fired, a machine that paused) has added, or a query of another way has saved.
 */
function countedIn({ functions }: Profiler.ScriptCoverage, sources: string): CountedFunction[] {
  const whereIs = originsIn(__filename)
  return functions.flatMap(({ functionName, ranges: [whole] }) => {
    const calls = Math.round((whole?.count ?? 0) / queries)
    if (whole === undefined || calls === 0) return []
    const { path, line } = whereIs(whole.startOffset)
    return path.startsWith(sources) ? [{ name: functionName || 'anonymous', file: path, line, calls }] : []
  })
}

/** Where the characters of a bundle come from, by its source map, which stands beside it. */
function originsIn(bundle: string): (offset: number) => { path: string; line: number } {
  const text = readFileSync(bundle, 'utf8')
  const map = new SourceMap(JSON.parse(readFileSync(`${bundle}.map`, 'utf8')))
  return (offset) => {
    const before = text.slice(0, offset)
    const line = before.split('\n').length - 1
    const entry = map.findEntry(line, offset - (before.lastIndexOf('\n') + 1))
    if (!('originalSource' in entry)) throw new Error(`bug: nobody wrote line ${line + 1} of the bundle`)
    return { path: join(__dirname, entry.originalSource), line: entry.originalLine + 1 }
  }
}

main(JSON.parse(process.argv[2] ?? '') as CountingOrder).then(
  (functions) => process.stdout.write(JSON.stringify(functions)),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
