import { dirname, join, resolve } from 'node:path'
import { type InvocationRecord, type LocalLambdaOptions, startLambda } from 'pg-thaw/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { nodeOfMajor } from '../../scripts/node-major'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { describeUnless } from '../support/requirements'

const node = whereIs(24)
const missing = 'missing' in node ? node.missing : undefined

describeUnless(missing, 'a wrapped handler on Node.js 24, whose runtime refuses callbacks,', () => {
  let wrapped: BundledFunction
  let plain: BundledFunction

  beforeAll(async () => {
    const bundled = (name: string) => bundleFunction(join(__dirname, '../handlers/functions', `${name}.ts`))
    ;[wrapped, plain] = await Promise.all([bundled('wrapped'), bundled('plain')])
  })
  afterAll(() => {
    wrapped?.dispose()
    plain?.dispose()
  })

  async function invoke(options: LocalLambdaOptions): Promise<InvocationRecord> {
    await using lambda = await startLambda({ ...options, ...('nodePath' in node && node) })
    return await lambda.invoke({ call: 1 })
  }

  const refused = { outcome: 'init-error', error: { errorType: 'Runtime.CallbackHandlerDeprecated' } }

  it('is refused at init in the words of the runtime, where it calls back', async () => {
    expect(await invoke({ module: wrapped.module, exportName: 'callback' })).toMatchObject(refused)
    const env = { PG_THAW_HANDLER: 'index.callback', LAMBDA_TASK_ROOT: dirname(plain.module) }
    expect(await invoke({ module: resolve('dist/handler.mjs'), env })).toMatchObject(refused)
  })

  it('is taken, where it streams, although it has as many parameters', async () => {
    const lost = { PGHOST: '127.0.0.1', PGPORT: '1' }
    const { outcome, error } = await invoke({ module: wrapped.module, exportName: 'streaming', env: lost })
    // It has begun, and nothing listens where it looks for its database.
    expect([outcome, error?.errorMessage]).toEqual(['error', expect.stringContaining('ECONNREFUSED')])
  })
})

function whereIs(major: number): { nodePath: string } | { missing: string } {
  try {
    return { nodePath: nodeOfMajor(major) }
  } catch (error) {
    return { missing: `no Node.js ${major}: ${String(error).split('\n')[0]}` }
  }
}
