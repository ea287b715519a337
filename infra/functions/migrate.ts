import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import { createPool, wrapHandler } from 'pg-thaw'

const pool = createPool({ connectionString: process.env.DATABASE_URL })

/** A custom resource: reaches the database, and answers CloudFormation. */
export const handler = wrapHandler(async (event: CloudFormationCustomResourceEvent): Promise<void> => {
  const { StackId, RequestId, LogicalResourceId, ResponseURL, RequestType } = event
  let failure: unknown
  if (RequestType !== 'Delete') await pool.query('SELECT 1').catch((error) => (failure = error))
  const Status = failure === undefined ? 'SUCCESS' : 'FAILED'
  const answer = {
    Status,
    Reason: String(failure),
    PhysicalResourceId: 'migration',
    StackId,
    RequestId,
    LogicalResourceId,
  }
  await fetch(ResponseURL, { method: 'PUT', body: JSON.stringify(answer) })
})
