import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Inspection, Row } from '../bench.js'
import { median } from '../turns.js'
import { additions, alone, bundleOf } from './bundle.js'

const run = promisify(execFile)

const rounds = 21
const inBundle = 'pg-thaw, in a bundle'

/** CPU time that a library takes to load: required in a process that has pg, and in a bundle with pg, less what the bundle took before. */
export const load: Inspection = {
  kind: 'inspection',
  names: ['load'],
  needs: 'nothing',
  nodeFlags: [],
  async run({ root }) {
    const folder = await mkdtemp(join(tmpdir(), 'pg-thaw-load-'))
    try {
      return await measure(root, folder)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

async function measure(root: string, folder: string): Promise<Row[]> {
  const before = join(folder, 'before.cjs')
  const after = join(folder, 'after.cjs')
  const [[, thaw]] = additions
  await writeFile(before, await bundleOf(root, 'cjs', alone))
  await writeFile(after, await bundleOf(root, 'cjs', `${alone}\n${thaw}`))
  const contenders = [
    ['pg-thaw', ['pg'], join(root, 'dist', 'index.js')],
    ['generic-pool', ['pg'], 'generic-pool'],
    ['tarn', ['pg'], 'tarn'],
    ['postgres.js', ['pg'], 'postgres'],
    ['pg', [], 'pg'],
    [inBundle, [], after],
    ['before', [], before],
  ] as const
  const times = contenders.map((): number[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, [, before, name]] of contenders.entries()) {
      times[index]?.push(await cpuMillisOf(root, before, name))
    }
  }
  const values = times.map((it) => median(it))
  const base = values.pop() ?? 0
  return values.map((value, index) => {
    const [contender = ''] = contenders[index] ?? []
    return { bench: 'load', contender, value: contender === inBundle ? value - base : value, unit: 'ms CPU' }
  })
}

/** In a process of its own: each module is loaded once. */
async function cpuMillisOf(root: string, before: readonly string[], name: string): Promise<number> {
  const program = `
    for (const name of ${JSON.stringify(before)}) require(name)
    const before = process.cpuUsage()
    require(${JSON.stringify(name)})
    const { user, system } = process.cpuUsage(before)
    console.log(user + system)`
  const { stdout } = await run(process.execPath, ['-e', program], { cwd: root })
  return Number(stdout) / 1000
}
