import ts from 'typescript'
import { beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import { type WrappedDecorator, wrapped } from '../../../src/lambda/faces/decorator'
import { wrapHandler } from '../../../src/lambda/wrap-handler'
import { environment } from '../../../src/registry/environment'

type Handler = (event: string, context?: unknown, callback?: unknown) => unknown
type Class = new () => { handler: Handler }

const context = { awsRequestId: 'a', getRemainingTimeInMillis: () => 3000 }

/** The times that each call of a handler had left; one that is no invocation has none. */
let times: (number | undefined)[]
beforeEach(() => {
  times = []
})

function look(): void {
  times.push(environment().currentInvocation?.()?.remainingMillis())
}

/** Compiles a class that uses the decorator, for both kinds of decorators. */
function compiled(source: string, experimentalDecorators: boolean): Class {
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, experimentalDecorators }
  const { outputText } = ts.transpileModule(`export ${source}`, { compilerOptions: options })
  const exports: Record<string, Class> = {}
  new Function('exports', 'wrapped', 'wrapHandler', 'look', outputText)(exports, wrapped, wrapHandler, look)
  return exports.Orders as Class
}

describe.each([
  ['the standard', false],
  ['TypeScript with experimentalDecorators', true],
])('a method that is decorated as in %s', (_, isLegacy) => {
  const Orders = compiled(
    `class Orders {
      #answer = 'answer to '
      @wrapped()
      async handler(event, _context) {
        look()
        await null
        look()
        return this.#answer + event
      }
    }`,
    isLegacy,
  )

  it('is one invocation for each call, with its deadline, and keeps `this`', async () => {
    const orders = new Orders()
    const handler = orders.handler.bind(orders)
    expect(await handler('one', context)).toBe('answer to one')
    look()
    const [first, second, after] = times
    expect(first).toBeLessThanOrEqual(3000)
    expect(second).toBeLessThanOrEqual(first ?? 0)
    expect(after).toBeUndefined()
  })

  it('looks as before: to Lambda, and to whoever lists what a class has', () => {
    expect([Orders.prototype.handler.name, Orders.prototype.handler.length]).toEqual(['handler', 2])
    expect(Object.getOwnPropertyDescriptor(Orders.prototype, 'handler')).toMatchObject({
      enumerable: false,
      writable: true,
      configurable: true,
    })
  })

  it('is part of the invocation that is open, in a wrapped handler', async () => {
    const orders = new Orders()
    await wrapHandler((event: string, given: unknown) => orders.handler(event, given))('one', {
      getRemainingTimeInMillis: () => 60_000,
    })
    expect(times).toEqual([expect.any(Number), expect.any(Number)])
    expect(Math.min(...times.map(Number))).toBeGreaterThan(3000)
  })

  it('may be of the class itself', async () => {
    const { handler } = compiled(
      'class Orders { @wrapped() static async handler() { look() } }',
      isLegacy,
    ) as unknown as {
      handler: Handler
    }
    await handler('one', context)
    expect(times).toEqual([expect.any(Number)])
  })

  it.each([
    ['a class', '@wrapped() class Orders {}'],
    ['a field', 'class Orders { @wrapped() handler = async () => {} }'],
    ['an accessor', 'class Orders { @wrapped() get handler() { return async () => {} } }'],
  ])('is nothing else: not %s', (_kind, source) => {
    expect(() => compiled(source, isLegacy)).toThrow(
      new TypeError(
        'Expected `@wrapped()` to stand above a method, got something else: a class, a field or an accessor',
      ),
    )
  })
})

it('the decorator keeps the type of the method', () => {
  const decorate: WrappedDecorator = wrapped()
  const method = async (event: { id: string }) => event.id
  expectTypeOf(
    decorate(method, { kind: 'method' } as ClassMethodDecoratorContext<unknown, typeof method>),
  ).toEqualTypeOf(method)
  const described = { value: method } satisfies TypedPropertyDescriptor<typeof method>
  expectTypeOf(decorate({}, 'handler', described)).toEqualTypeOf<TypedPropertyDescriptor<typeof method>>()
})
