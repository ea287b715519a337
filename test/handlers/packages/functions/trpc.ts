import { initTRPC } from '@trpc/server'
import { awsLambdaRequestHandler, awsLambdaStreamingRequestHandler } from '@trpc/server/adapters/aws-lambda'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { wrapHandler } from 'pg-thaw'
import { type Asked, work } from '../../functions/work'

const t = initTRPC.create()
const router = t.router({
  work: t.procedure.input((asked) => asked as Asked).mutation(({ input }) => work(input)),
})

export const buffered = wrapHandler(awsLambdaRequestHandler<typeof router, APIGatewayProxyEventV2>({ router }))
export const streaming = wrapHandler(
  awslambda.streamifyResponse(awsLambdaStreamingRequestHandler<typeof router, APIGatewayProxyEventV2>({ router })),
)
