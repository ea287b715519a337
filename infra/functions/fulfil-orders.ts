import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { createPool, wrapHandler } from 'pg-thaw'

const pool = createPool({ connectionString: process.env.DATABASE_URL })

/** Takes fulfilled orders off the list. A message that fails comes back; the others of its batch don't. */
export const handler = wrapHandler(async ({ Records }: SQSEvent): Promise<SQSBatchResponse> => {
  const outcomes = await Promise.allSettled(
    Records.map(({ body }) => pool.query('DELETE FROM orders WHERE id = $1', [JSON.parse(body).id])),
  )
  const failed = Records.filter((_, index) => outcomes[index]?.status === 'rejected')
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) }
})
