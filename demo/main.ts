import { setMaxListeners } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DemoArguments, readArguments, UnknownArgument } from './arguments'
import { bundle } from './bundle'
import { contenders, titles } from './contenders/contender'
import { openDatabase } from './database'
import { History } from './history'
import { playAct } from './play'
import type { DemoData, PlayedAct } from './report/data'
import { page } from './report/page'
import { picture } from './report/picture'
import { marks, table } from './report/table'

const root = join(__dirname, '..')

/** Plays the acts, and tells what they came to. */
async function main({ json, svg, acts }: DemoArguments, signal: AbortSignal): Promise<void> {
  // Whoever reads the JSON may read the progress elsewhere.
  const report = json ? console.error : console.log
  const directory = await mkdtemp(join(tmpdir(), 'pg-thaw-demo-'))
  try {
    const moduleOf = await bundle(directory)
    await using database = await openDatabase()
    report(`The same code, four ways to hold connections, ${counted(acts.length)} against ${database.description}.\n`)
    const history = new History()
    history.watch(database)
    const played: PlayedAct[] = []
    for (const [at, act] of acts.entries()) {
      played.push(await playAct(act, { database, history, moduleOf, directory, signal }))
      report(progress(played, at, acts.length))
    }
    const seconds = history.now()
    await history.stop()
    const { sessions, calls } = history
    const day = new Date().toISOString().slice(0, 10)
    const node = process.versions.node
    const data: DemoData = { day, server: database.description, node, seconds, acts: played, sessions, calls }
    if (json) console.log(JSON.stringify(data))
    else await tell(data, svg)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function counted(acts: number): string {
  return acts === 1 ? '1 act' : `${acts} acts`
}

function progress(played: readonly PlayedAct[], at: number, all: number): string {
  const act = played.at(-1)
  if (act === undefined) throw new Error('bug: progress without an act')
  const results = contenders.map((contender) => `${titles[contender]} ${marks[act.outcomes[contender].grade]}`)
  const took = (act.to - act.from).toFixed(1).padStart(5)
  return `${String(at + 1).padStart(2)}/${all} ${act.name.padEnd(22)} ${took} s  ${results.join('  ')}`
}

async function tell(data: DemoData, svg: boolean): Promise<void> {
  console.log(`\n${table(data)}\n`)
  const files: [name: string, content: string][] = [['build/demo.html', page(data)]]
  if (svg) files.push(['docs/demo.json', `${JSON.stringify(data)}\n`], ['docs/demo.svg', picture(data)])
  await mkdir(join(root, 'build'), { recursive: true })
  for (const [name, content] of files) {
    await writeFile(join(root, name), content)
    console.log(`Written: ${name}`)
  }
}

const interruption = new AbortController()
// Whoever waits listens, and at times many wait.
setMaxListeners(0, interruption.signal)
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

Promise.resolve()
  .then(() => main(readArguments(process.argv.slice(2)), interruption.signal))
  .catch((error: unknown) => {
    if (interruption.signal.aborted) return
    process.exitCode = 1
    console.error(error instanceof UnknownArgument ? error.message : error)
  })
