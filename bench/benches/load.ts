import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Inspection } from '../bench.js'
import { median } from '../turns.js'

const run = promisify(execFile)

const rounds = 11

/** CPU time that requiring a library takes in a process that has pg, and what pg takes itself. */
export const load: Inspection = {
  kind: 'inspection',
  names: ['load'],
  needs: 'nothing',
  nodeFlags: [],
  async run({ root }) {
    const pg = ['pg', [], 'pg'] as const
    const contenders = [
      ['pg-thaw', ['pg'], join(root, 'dist', 'index.js')],
      ['generic-pool', ['pg'], 'generic-pool'],
      ['tarn', ['pg'], 'tarn'],
      ['postgres.js', ['pg'], 'postgres'],
      pg,
    ] as const
    const times = contenders.map((): number[] => [])
    for (let round = 0; round < rounds; round++) {
      for (const [index, [, before, name]] of contenders.entries()) {
        times[index]?.push(await cpuMillisOf(root, before, name))
      }
    }
    return contenders.map(([name], index) => ({
      bench: 'load',
      contender: name,
      value: median(times[index] ?? []),
      unit: 'ms CPU',
    }))
  },
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
