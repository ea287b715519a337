import { type DurableExecutionClient, withDurableExecution } from '@aws/durable-execution-sdk-js'
import { wrapHandler } from 'pg-thaw'
import { type Asked, work } from '../../functions/work'

/** What Lambda's own API does with checkpoints, as far as one step needs it. */
const client: DurableExecutionClient = {
  getExecutionState: async () => ({ Operations: [] }),
  checkpoint: async () => ({ CheckpointToken: 'next', NewExecutionState: { Operations: [] } }),
}

export const handler = wrapHandler(
  withDurableExecution(
    (asked: Asked, context) =>
      context.step('work', () => work(asked), { retryStrategy: () => ({ shouldRetry: false }) }),
    { durableExecutionClient: client },
  ),
)
