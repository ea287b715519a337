import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'
import type { Inspection } from '../bench.js'
import { FakeClient } from '../contenders/fake-client.js'
import { measure, medianOf, takeTurns } from '../turns.js'

const calls = 5000

type Handler = (event: object, context: object) => Promise<undefined>

/** The wrapper around a handler that does nothing: wall time of a call, beyond that of the bare handler. */
export const wrapper: Inspection = {
  kind: 'inspection',
  names: ['wrapper'],
  needs: 'nothing',
  nodeFlags: [],
  async run() {
    // Read when pools and the manager are made: from here on this is Lambda.
    process.env.AWS_LAMBDA_FUNCTION_NAME = 'bench'
    const bare: Handler = async () => undefined
    const wrapped = wrapHandler<Handler>(async () => undefined)
    const alone = await medianMicros(wrapped, bare)
    const pool = createPool({
      max: 1,
      pooling: 'always',
      Client: FakeClient as unknown as NonNullable<PoolOptions['Client']>,
    })
    const client = await pool.connect()
    client.release()
    const withPool = await medianMicros(wrapped, bare)
    return [
      { bench: 'wrapper', contender: 'pg-thaw', value: alone.wrapped - alone.bare, unit: 'µs over bare' },
      {
        bench: 'wrapper',
        contender: 'pg-thaw, one pool',
        value: withPool.wrapped - withPool.bare,
        unit: 'µs over bare',
      },
      { bench: 'wrapper', contender: 'bare handler', value: alone.bare, unit: 'µs' },
    ]
  },
}

async function medianMicros(wrapped: Handler, bare: Handler): Promise<{ wrapped: number; bare: number }> {
  const rounds = new Map([
    ['wrapped', () => measure({ run: () => call(wrapped) })],
    ['bare', () => measure({ run: () => call(bare) })],
  ])
  const samples = await takeTurns(rounds, { warmups: 5, turns: 41 })
  const micros = (name: string) => medianOf(samples, name, 'wallMicros', calls)
  return { wrapped: micros('wrapped'), bare: micros('bare') }
}

async function call(handler: Handler): Promise<void> {
  for (let i = 0; i < calls; i++) {
    const end = Date.now() + 3000
    await handler({ id: i }, { awsRequestId: String(i), getRemainingTimeInMillis: () => end - Date.now() })
  }
}
