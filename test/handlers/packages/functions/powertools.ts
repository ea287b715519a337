import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch'
import type { LambdaInterface } from '@aws-lambda-powertools/commons/types'
import { Logger } from '@aws-lambda-powertools/logger'
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda'
import { wrapHandler } from 'pg-thaw'
import { wrapped } from 'pg-thaw/decorator'
import { type Asked, work } from '../../functions/work'

const logger = new Logger()

class Worker implements LambdaInterface {
  @logger.injectLambdaContext()
  async handler(asked: Asked, _context: Context) {
    return work(asked)
  }
}

const worker = new Worker()
export const classStyle = wrapHandler(worker.handler.bind(worker))

class DecoratedWorker implements LambdaInterface {
  @wrapped()
  @logger.injectLambdaContext()
  async handler(asked: Asked, _context: Context) {
    return work(asked)
  }
}

const decoratedWorker = new DecoratedWorker()
export const decorated = decoratedWorker.handler.bind(decoratedWorker)

const processor = new BatchProcessor(EventType.SQS)

export const batch = wrapHandler((event: SQSEvent, context: Context) =>
  processPartialResponse(event, async ({ body }: SQSRecord) => void (await work(JSON.parse(body))), processor, {
    context,
  }),
)
