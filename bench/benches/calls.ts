import type { Inspection, Row } from '../bench.js'
import { countCalls } from '../calls/count.js'
import { databaseOf } from '../surroundings.js'

const contenders = [
  ['pg-thaw', undefined],
  ['pg-thaw, max 1', 1],
] as const

/** How many of our functions a warm query calls, and in how many files they are. */
export const calls: Inspection = {
  kind: 'inspection',
  names: ['calls'],
  needs: 'database',
  nodeFlags: [],
  async run(surroundings) {
    const rows: Row[] = []
    for (const [contender, max] of contenders) {
      const { calls, files } = await countCalls(surroundings.root, databaseOf(surroundings), max)
      rows.push({ bench: 'calls', contender, value: calls, unit: 'calls' })
      rows.push({ bench: 'calls', contender, value: files, unit: 'files' })
    }
    return rows
  },
}
