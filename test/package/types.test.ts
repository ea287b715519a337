import * as library from 'pg-thaw'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile } from './support/compile.js'
import { type Example, examplesBelow, examplesIn } from './support/examples.js'
import { installPackage, type Project } from './support/project.js'

/** Compiling takes seconds, and more where other tests run beside it. */
const patience = { timeout: 60_000 }

let project: Project

beforeAll(async () => {
  project = await installPackage()
})
afterAll(() => project?.[Symbol.dispose]())

/** Uses what both entry points export; what should be refused shows that nothing is `any`. */
const consumer = `
  import { Pool as PgPool, type PoolClient } from 'pg'
  import {
    AcquireTimeoutError, createPool, DialError, Pool, PoolError, type PoolErrorCode, type PoolOptions, type PoolStats, wrapHandler,
  } from 'pg-thaw'
  import { type InvocationRecord, type LocalLambda, startLambda, startRelay } from 'pg-thaw/testing'

  const options: PoolOptions = { host: 'localhost', max: 2, pooling: 'auto', fanOut: false }
  export const pool: PgPool = new Pool(options)
  export const stats: PoolStats = createPool(options).stats()
  export const handler = wrapHandler(async (event: { id: string }) => {
    const { rows } = await createPool().query<{ total: number }>('SELECT 1 AS total', [event.id])
    return rows.reduce((sum, { total }) => sum + total, 0)
  })
  export const answer: Promise<number> = handler({ id: '1' })
  export const inWork: Promise<string> = createPool().transaction(async (client: PoolClient) => client.host)
  export function codeOf(error: unknown): PoolErrorCode | string | undefined {
    if (error instanceof AcquireTimeoutError) return error.phase
    return error instanceof PoolError || error instanceof DialError ? error.code : undefined
  }
  export async function scoped(): Promise<void> {
    const client = await createPool().connect({ signal: AbortSignal.timeout(10) })
    client.release()
  }
  export async function local(): Promise<InvocationRecord> {
    const lambda: LocalLambda = await startLambda({ module: '/function.cjs' })
    return lambda.invoke({ id: '1' })
  }
  export const relay = startRelay

  // @ts-expect-error the handler takes an object
  handler(1)
  // @ts-expect-error an option that does not exist
  new Pool({ maximum: 3 })
  // @ts-expect-error no such freeze model
  startLambda({ module: '/function.cjs', freezeModel: 'none' })
`

describe('the types of the installed package', patience, () => {
  it.each([
    { module: 'node16', moduleResolution: 'node16', extensions: ['cts', 'mts'] },
    { module: 'esnext', moduleResolution: 'bundler', extensions: ['ts'] },
  ])('serve $extensions modules with moduleResolution $moduleResolution', async ({ extensions, ...resolution }) => {
    const files = extensions.map((extension) => project.write(`consumer.${extension}`, consumer))
    expect(await compile(project, files, resolution)).toBe('')
  })

  it('serve every example of README.md, of the page on credentials and of the doc comments', async () => {
    const pages = ['README.md', 'docs/credentials.md']
    const examples = [...pages.flatMap((it) => examplesIn(it)), ...examplesBelow('src', Object.keys(library))]
    expect(examples.map(({ at }) => at)).toEqual(
      expect.arrayContaining([...pages, 'src/'].map((it) => expect.stringContaining(it))),
    )
    const files = examples.map((it, index) => project.write(`example-${index}.mts`, it.code))
    const said = await compile(project, files, { module: 'node16', moduleResolution: 'node16' })
    expect(withPlaces(said, examples)).toBe('')
  })
})

/** Names the examples as the reader finds them. */
function withPlaces(said: string, examples: readonly Example[]): string {
  return said.replaceAll(/example-(\d+)\.mts/g, (name, index) => examples[Number(index)]?.at ?? name)
}
