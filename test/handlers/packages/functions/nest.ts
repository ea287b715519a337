import 'reflect-metadata'
import { configure as serverlessExpress } from '@codegenie/serverless-express'
import { Body, Controller, Module, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { Context, Handler } from 'aws-lambda'
import { wrapHandler } from 'pg-thaw'
import { type Asked, type Told, work } from '../../functions/work'

@Controller()
class Work {
  @Post('work')
  work(@Body() asked: Asked): Promise<Told> {
    return work(asked)
  }
}

@Module({ controllers: [Work] })
class App {}

let server: Promise<Handler> | undefined

async function bootstrap(): Promise<Handler> {
  const app = await NestFactory.create(App)
  await app.init()
  return serverlessExpress({ app: app.getHttpAdapter().getInstance() })
}

export const handler = wrapHandler(async (event: unknown, context: Context) => {
  server ??= bootstrap()
  return (await server)(event, context, () => {})
})
