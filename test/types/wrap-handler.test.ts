import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyHandlerV2,
  Callback,
  Context,
  Handler,
  SQSEvent,
  SQSHandler,
  StreamifyHandler,
} from 'aws-lambda'
import { wrapHandler } from 'pg-thaw'
import { describe, expectTypeOf, it } from 'vitest'

// Checked by the compiler (`npm run types`).

/** The type of a handler after wrapping. */
const wrapped = <H extends Parameters<typeof wrapHandler>[0]>(handler: H) => wrapHandler(handler)

describe('a wrapped handler, for the compiler,', () => {
  it('keeps the type of an async function', () => {
    const handler = wrapHandler(async (event: { id: string }, _context: Context) => ({ found: event.id }))
    expectTypeOf(handler).toEqualTypeOf<(event: { id: string }, context: Context) => Promise<{ found: string }>>()
  })

  it('keeps the type of a callback handler', () => {
    const handler = wrapHandler((_event: SQSEvent, _context: Context, callback: Callback<string>) => {
      callback(null, 'done')
    })
    expectTypeOf(handler).toEqualTypeOf<(event: SQSEvent, context: Context, callback: Callback<string>) => void>()
  })

  it('keeps the type of a streaming handler', () => {
    expectTypeOf(wrapped<StreamifyHandler<SQSEvent, void>>).returns.toEqualTypeOf<StreamifyHandler<SQSEvent, void>>()
    const handler = wrapHandler(
      async (_event: SQSEvent, stream: awslambda.HttpResponseStream, _context: Context): Promise<void> => {
        stream.end()
      },
    )
    expectTypeOf(handler).toExtend<StreamifyHandler<SQSEvent, void>>()
  })

  it('keeps the types of @types/aws-lambda', () => {
    expectTypeOf(wrapped<Handler<{ id: string }, number>>).returns.toEqualTypeOf<Handler<{ id: string }, number>>()
    expectTypeOf(wrapped<APIGatewayProxyHandlerV2>).returns.toEqualTypeOf<APIGatewayProxyHandlerV2>()
    expectTypeOf(wrapped<SQSHandler>).returns.toEqualTypeOf<SQSHandler>()
  })

  it('types the event of an inline function by the type it is assigned to', () => {
    const http: APIGatewayProxyHandlerV2 = wrapHandler(async (event) => {
      expectTypeOf(event).toEqualTypeOf<APIGatewayProxyEventV2>()
      return { statusCode: 200, body: event.rawPath }
    })
    const queue: SQSHandler = wrapHandler(async ({ Records }) => {
      expectTypeOf(Records).toEqualTypeOf<SQSEvent['Records']>()
    })
    expectTypeOf(http).not.toBeAny()
    expectTypeOf(queue).not.toBeAny()
  })

  it('keeps what a handler has beside its call', () => {
    const marked = Object.assign(async (event: string) => event, { schema: 'orders' as const })
    expectTypeOf(wrapHandler(marked)).toEqualTypeOf(marked)
  })

  it('keeps its methods, and what they return', () => {
    interface Engine {
      (event: string, context: Context): Promise<number>
      use(middleware: object): Engine
      readonly routes: readonly string[]
    }
    const wrappedEngine = wrapped<Engine>
    expectTypeOf(wrappedEngine).returns.toEqualTypeOf<Engine>()
    expectTypeOf(wrappedEngine).returns.toHaveProperty('use')
  })

  it('keeps the type that `streamifyResponse` gives a handler', () => {
    const make = () =>
      wrapHandler(
        awslambda.streamifyResponse<{ id: string }>(async (event, stream, context) => {
          expectTypeOf(event).toEqualTypeOf<{ id: string }>()
          expectTypeOf(context).toEqualTypeOf<Context>()
          stream.end()
        }),
      )
    expectTypeOf(make).returns.toEqualTypeOf<StreamifyHandler<{ id: string }, void>>()
  })

  it('can only be made of a function', () => {
    // @ts-expect-error
    expectTypeOf(wrapHandler<{ handler: () => void }>).not.toBeAny()
  })
})
