import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { BenchName, Inspection, Row } from '../bench.js'
import { timeToFirst } from '../first-result.js'
import { medianOf, type Sample, takeTurns } from '../turns.js'
import { bundleOf } from './bundle.js'

const bench: BenchName = 'token'
const turns = { warmups: 2, turns: 25 }

/** pg has loaded these. */
const loaded = ['node:crypto', 'node:http', 'node:tls']

const ours = `import { rdsIam } from 'pg-thaw/rds-iam'
  const token = rdsIam({ host: 'db.abc.eu-west-1.rds.amazonaws.com', user: 'app' })
  export const first = () => token({ fresh: false, signal: new AbortController().signal })`
const theirs = `const place = { hostname: 'db.abc.eu-west-1.rds.amazonaws.com', port: 5432, username: 'app', region: 'eu-west-1' }
  export const first = async () => {
    const { Signer } = await import('@aws-sdk/rds-signer')
    return new Signer(place).getAuthToken()
  }`

/** What users write; each asks for its first token. The SDK is part of the bundle, or found as files, as Lambda's runtime has it. */
const programs = [
  ['pg-thaw', ours, ['module', 'main'], []],
  ["AWS's Signer, bundled", theirs, ['module', 'main'], []],
  ["AWS's Signer, from its files", theirs, ['main'], ['@aws-sdk/*']],
] as const

/** From the start of a minified bundle to its first IAM token for RDS: CPU and wall time, and the bytes of the bundle. */
export const token: Inspection = {
  kind: 'inspection',
  names: [bench],
  needs: 'nothing',
  nodeFlags: [],
  async run({ root }) {
    // Beneath node_modules, so that the SDK is found.
    const cache = join(root, 'node_modules', '.cache')
    await mkdir(cache, { recursive: true })
    const folder = await mkdtemp(join(cache, 'pg-thaw-token-'))
    await using container = await startContainer()
    const places = [
      ['keys in variables', { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'token' }],
      ['keys of a container', { AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url }],
    ] as const
    try {
      const rows: Row[] = []
      for (const [contender, contents, mainFields, external] of programs) {
        const text = await bundleOf(root, 'cjs', contents, { mainFields: [...mainFields], external: [...external] })
        await writeFile(join(folder, `${contender}.cjs`), text)
        rows.push({ bench, contender, value: Buffer.byteLength(text), unit: 'bytes' })
      }
      for (const [place, env] of places)
        rows.push(...(await measure(folder, place, { PATH: process.env.PATH, ...env })))
      return rows
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

async function measure(folder: string, place: string, env: NodeJS.ProcessEnv): Promise<Row[]> {
  const rounds = new Map<string, () => Promise<Sample>>()
  for (const [contender] of programs) {
    rounds.set(contender, () => timeToFirst(join(folder, `${contender}.cjs`), env, loaded))
  }
  const samples = await takeTurns(rounds, turns)
  const rows = (figure: 'wallMicros' | 'cpuMicros', unit: string) =>
    programs.map(([contender]): Row => ({ bench, contender, value: medianOf(samples, contender, figure, 1000), unit }))
  return [...rows('cpuMicros', `ms CPU, ${place}`), ...rows('wallMicros', `ms wall, ${place}`)]
}

/** Where a container would get its keys. */
async function startContainer() {
  const keys = { AccessKeyId: 'ASIA', SecretAccessKey: 'secret', Token: 'token' }
  const server = createServer((_, response) => {
    response.end(JSON.stringify({ ...keys, Expiration: new Date(Date.now() + 3_600_000).toISOString() }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/keys`,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}
