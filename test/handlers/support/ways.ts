import { expect } from 'vitest'
import type { HandlerUnderTest } from './behaviours'
import { batchEvent, durableEvent, httpEvent } from './events'
import { functionsFolder, packagesFolder } from './packages'

/** How a way to make handlers differs from a plain function, and on which Node.js it runs. */
export type Way = Omit<HandlerUnderTest, 'function'> & {
  readonly module: string
  readonly exportName?: string
  readonly env?: Record<string, string>
  readonly node?: 20 | 22 | 24
}

const http: Omit<HandlerUnderTest, 'function'> = {
  eventOf: httpEvent,
  answered: { outcome: 'response', response: { statusCode: 200 } },
  failed: { outcome: 'response', response: { statusCode: 500 } },
}
/** The status goes ahead of the body. */
const streamedHttp = {
  eventOf: httpEvent,
  answered: { outcome: 'response', response: expect.stringMatching(/"statusCode":200/) },
  failed: { outcome: 'response', response: expect.stringMatching(/"statusCode":500/) },
} satisfies Omit<HandlerUnderTest, 'function'>
const byMiddy: Omit<HandlerUnderTest, 'function'> = {
  answered: { outcome: 'response', response: { by: 'middy' } },
}
/** That of pg-thaw, which wraps the one that `PG_THAW_HANDLER` names. */
const ownHandler = '../node_modules/pg-thaw/dist/handler.mjs'
const named = (handler: string) => ({ PG_THAW_HANDLER: `build/${handler}`, LAMBDA_TASK_ROOT: packagesFolder })
/** Nobody listens for its traces here. */
const datadogEnv = { DD_FLUSH_TO_LOG: 'true', DD_TRACE_STARTUP_LOGS: 'false' }

/** What needs no package beside pg-thaw, by the exports of `functions/wrapped.ts`. */
export const plainWays: Record<string, string> = {
  'an async handler': 'asynchronous',
  'a callback handler': 'callback',
  'a streaming handler': 'streaming',
}

/** Everything else: `module` is among the bundles of `packages/functions`. */
export const ways: Record<string, Way> = {
  'middy, its handler wrapped': { module: 'middy.js', exportName: 'outermost', node: 22, ...byMiddy },
  'middy, used after it was wrapped': { module: 'middy.js', exportName: 'usedAfterwards', node: 22, ...byMiddy },
  'middy, streaming': {
    module: 'middy.js',
    exportName: 'streaming',
    node: 22,
    answered: streamedHttp.answered,
  },
  'middy, with `pooled()`': { module: 'middy.js', exportName: 'byMiddleware', node: 22, ...byMiddy },
  'middy, streaming, with `pooled()`': {
    module: 'middy.js',
    exportName: 'streamingByMiddleware',
    node: 22,
    answered: streamedHttp.answered,
  },
  'middy 6, its handler wrapped': { module: 'middy-6.js', exportName: 'outermost', ...byMiddy },
  'middy 6, used after it was wrapped': { module: 'middy-6.js', exportName: 'usedAfterwards', ...byMiddy },
  'middy 6, with `pooled()`': { module: 'middy-6.js', exportName: 'byMiddleware', ...byMiddy },
  'a class in the style of Powertools': { module: 'powertools.js', exportName: 'classStyle' },
  'a class in the style of Powertools, with `@wrapped()`': { module: 'powertools.js', exportName: 'decorated' },
  'the batch processor of Powertools': {
    module: 'powertools.js',
    exportName: 'batch',
    eventOf: batchEvent,
    answered: { outcome: 'response', response: { batchItemFailures: [] } },
    failed: { outcome: 'response', response: { batchItemFailures: [{ itemIdentifier: 'asked' }] } },
  },
  'a durable function': {
    module: 'durable.js',
    exportName: 'steps',
    node: 22,
    eventOf: durableEvent,
    answered: { outcome: 'response', response: { Status: 'SUCCEEDED' } },
    failed: { outcome: 'response', response: { Status: 'FAILED' } },
  },
  'a durable function that waits': {
    module: 'durable.js',
    exportName: 'waits',
    node: 22,
    eventOf: durableEvent,
    answered: { outcome: 'response', response: { Status: 'PENDING' } },
    failed: { outcome: 'response', response: { Status: 'FAILED' } },
  },
  Hono: { module: 'hono.js', exportName: 'buffered', ...http },
  'Hono, streaming': { module: 'hono.js', exportName: 'streaming', ...streamedHttp },
  'Hono, with queries while it streams': {
    module: 'hono.js',
    exportName: 'streamingLate',
    ...streamedHttp,
    failed: { outcome: 'response', response: expect.not.stringContaining('pid') },
  },
  'Hono, by `PG_THAW_HANDLER`': { module: ownHandler, env: named('hono.plain'), ...http },
  'Hono, streaming, by `PG_THAW_HANDLER`': { module: ownHandler, env: named('hono.plainStreaming'), ...streamedHttp },
  tRPC: { module: 'trpc.js', exportName: 'buffered', ...http },
  'tRPC, streaming': { module: 'trpc.js', exportName: 'streaming', ...streamedHttp },
  'serverless-express with Express': { module: 'express.js', exportName: 'codegenie', node: 24, ...http },
  'serverless-express 4 with Express': { module: 'express.js', exportName: 'codegenie4', ...http },
  'serverless-http with Express': { module: 'express.js', exportName: 'serverlessHttp', ...http },
  Fastify: { module: 'fastify.js', ...http },
  'NestJS on serverless-express': {
    module: 'nest.js',
    node: 24,
    ...http,
    answered: { outcome: 'response', response: { statusCode: 201 } },
  },
  'Datadog around it': { module: 'datadog.js', exportName: 'around', node: 22, env: datadogEnv },
  'Datadog inside of it': { module: 'datadog.js', exportName: 'inside', node: 22, env: datadogEnv },
  "Datadog's own handler": {
    module: '../node_modules/datadog-lambda-js/dist/handler.mjs',
    node: 22,
    env: { ...datadogEnv, DD_LAMBDA_HANDLER: 'datadog.redirected', LAMBDA_TASK_ROOT: functionsFolder },
  },
  "Datadog's own handler, by `PG_THAW_HANDLER`": {
    module: '../node_modules/datadog-lambda-js/dist/handler.mjs',
    node: 22,
    env: {
      ...datadogEnv,
      ...named('datadog.plain'),
      DD_LAMBDA_HANDLER: 'node_modules/pg-thaw/dist/handler.handler',
    },
  },
}
