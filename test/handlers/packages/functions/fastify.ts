import awsLambdaFastify from '@fastify/aws-lambda'
import Fastify from 'fastify'
import { wrapHandler } from 'pg-thaw'
import { type Asked, work } from '../../functions/work'

const app = Fastify()
app.post('/work', ({ body }) => work(body as Asked))

export const handler = wrapHandler(awsLambdaFastify(app))
