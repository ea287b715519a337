import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Inspection, Row } from '../bench.js'
import { timeToFirst } from '../first-result.js'
import { variablesOf } from '../lambda-functions.js'
import { databaseOf } from '../surroundings.js'
import { medianOf, type Sample, takeTurns } from '../turns.js'
import { bundleOf } from './bundle.js'

const turns = { warmups: 2, turns: 25 }

/** What users write; each asks for its first row. */
const programs = [
  [
    'pg-thaw',
    `import { createPool } from 'pg-thaw'
    const pool = createPool({ ssl: { ca: process.env.CA } })
    export const first = () => pool.query('SELECT $1::int AS one', [1])`,
  ],
  [
    'pg',
    `import { Client } from 'pg'
    const client = new Client({ ssl: { ca: process.env.CA } })
    export const first = async () => {
      await client.connect()
      return client.query('SELECT $1::int AS one', [1])
    }`,
  ],
  [
    'postgres.js',
    `import postgres from 'postgres'
    const sql = postgres({ ssl: { ca: process.env.CA } })
    export const first = () => sql\`SELECT \${1}::int AS one\``,
  ],
] as const

/** From the start of a minified bundle, in a process of its own, to its first row over TLS: CPU and wall time. */
export const coldStart: Inspection = {
  kind: 'inspection',
  names: ['cold-start'],
  needs: 'database',
  nodeFlags: [],
  async run(surroundings) {
    const { root, certificateAuthority } = surroundings
    // A name, as users have: of a number TLS tells the server none.
    const variables = variablesOf({ ...databaseOf(surroundings), host: 'localhost' })
    // With the defaults of where cold starts matter.
    const env = { PATH: process.env.PATH, AWS_LAMBDA_FUNCTION_NAME: 'bench', ...variables, CA: certificateAuthority }
    const folder = await mkdtemp(join(tmpdir(), 'pg-thaw-cold-start-'))
    try {
      const rounds = new Map<string, () => Promise<Sample>>()
      for (const [contender, contents] of programs) {
        const file = join(folder, `${contender}.cjs`)
        await writeFile(file, await bundleOf(root, 'cjs', contents))
        rounds.set(contender, () => timeToFirst(file, env))
      }
      const samples = await takeTurns(rounds, turns)
      const rows = (figure: 'wallMicros' | 'cpuMicros', unit: string) =>
        programs.map(([contender]): Row => {
          return { bench: 'cold-start', contender, value: medianOf(samples, contender, figure, 1000), unit }
        })
      return [...rows('cpuMicros', 'ms CPU'), ...rows('wallMicros', 'ms wall')]
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}
