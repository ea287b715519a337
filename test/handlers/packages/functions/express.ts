import { configure as serverlessExpress } from '@codegenie/serverless-express'
import express from 'express'
import { wrapHandler } from 'pg-thaw'
import { configure as serverlessExpress4 } from 'serverless-express-4'
import serverless from 'serverless-http'
import { work } from '../../functions/work'

const app = express()
app.use(express.json())
app.post('/work', async (request, response) => {
  response.json(await work(request.body))
})

export const codegenie = wrapHandler(serverlessExpress({ app }))
export const codegenie4 = wrapHandler(serverlessExpress4({ app }))
export const serverlessHttp = wrapHandler(serverless(app))
