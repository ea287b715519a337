import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { wrapHandler } from 'pg-thaw'
import { openDatabase } from './database'
import { log, logError } from './log'
import { fulfil, isOrderId } from './order-book'

const pool = openDatabase(process.env.DATABASE_SECRET_ID)

/**
 * Fulfils the orders that messages name: `{"id":"17"}`. A message that names none fails alone: it comes back, and after five times it
 * is put aside, while the others of its batch are done. Without the database all of them come back.
 */
export const handler = wrapHandler(async ({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  const ids = new Map(Records.map((record) => [record.messageId, orderIdIn(record)]))
  const known = await fulfilKnown([...ids.values()].filter(isOrderId), context)
  const failed = Records.filter(({ messageId }) => !known.has(ids.get(messageId) ?? ''))
  if (failed.length > 0) {
    const messages = failed.map(({ messageId }) => messageId)
    log(context, 'WARN', 'messages come back', { messages, of: Records.length })
  }
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) }
})

async function fulfilKnown(ids: readonly string[], context: Context): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  try {
    return await fulfil(pool, ids)
  } catch (error) {
    logError(context, 'the batch failed', error)
    return new Set()
  }
}

/** A number is taken as well: who sends may not know that ids can be too large for one. */
function orderIdIn({ body }: SQSRecord): string | undefined {
  try {
    const { id } = JSON.parse(body)
    const text = Number.isSafeInteger(id) ? String(id) : id
    return isOrderId(text) ? text : undefined
  } catch {
    return undefined
  }
}
