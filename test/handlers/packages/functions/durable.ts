import { type DurableExecutionClient, withDurableExecution } from '@aws/durable-execution-sdk-js'
import { wrapHandler } from 'pg-thaw'
import { type Asked, work } from '../../functions/work'

/** What Lambda's own API does with checkpoints, as far as one step needs it. */
const client: DurableExecutionClient = {
  getExecutionState: async () => ({ Operations: [] }),
  checkpoint: async () => ({ CheckpointToken: 'next', NewExecutionState: { Operations: [] } }),
}

const once = { retryStrategy: () => ({ shouldRetry: false }) }
const config = { durableExecutionClient: client }

export const steps = wrapHandler(
  withDurableExecution((asked: Asked, context) => context.step('work', () => work(asked), once), config),
)

/** Whose promise never settles: the execution goes on in another call. */
export const waits = wrapHandler(
  withDurableExecution(async (asked: Asked, context) => {
    await work(asked)
    await context.wait({ hours: 1 })
  }, config),
)
