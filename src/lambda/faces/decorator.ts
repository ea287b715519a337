import { wrapHandler } from '../wrap-handler.js'

// biome-ignore lint/suspicious/noExplicitAny: the one type that methods of every event, context and result are assignable to
type AnyMethod = (...args: any[]) => unknown

/** Decorates a method: by the standard's decorators, or by TypeScript's older ones (`experimentalDecorators`). */
export interface WrappedDecorator {
  <Method extends AnyMethod>(method: Method, context: ClassMethodDecoratorContext<unknown, Method>): Method
  <Method extends AnyMethod>(
    prototype: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): TypedPropertyDescriptor<Method>
}

/**
 * Wraps the method that it stands above, as `wrapHandler` wraps a function: for handlers that are written as classes. `this` stays what it
 * is, so bind the method where it is exported. Belongs above other decorators: then their work is inside of the invocation.
 *
 * @example
 * ```ts
 * import { wrapped } from 'pg-thaw/decorator'
 *
 * const pool = createPool({ connectionString: process.env.DATABASE_URL })
 *
 * class Orders {
 *   @wrapped()
 *   async handler(event: { id: string }, _context: unknown) {
 *     return pool.query('SELECT * FROM orders WHERE id = $1', [event.id])
 *   }
 * }
 *
 * const orders = new Orders()
 * export const handler = orders.handler.bind(orders)
 * ```
 *
 * @throws {TypeError} above anything but a method.
 */
export function wrapped(): WrappedDecorator {
  return decorate as WrappedDecorator
}

function decorate(decorated: unknown, context: unknown, descriptor?: TypedPropertyDescriptor<AnyMethod>): unknown {
  // The older kind comes with the method in a description of it, and with none for a field, the newer one with the method itself.
  if (descriptor !== undefined) return { ...descriptor, value: wrapHandler(methodOf(descriptor.value)) }
  const { kind } = Object(context) as { kind?: unknown }
  return wrapHandler(methodOf(kind === 'method' ? decorated : undefined))
}

function methodOf(decorated: unknown): AnyMethod {
  if (typeof decorated === 'function') return decorated as AnyMethod
  throw new TypeError(
    'Expected `@wrapped()` to stand above a method, got something else: a class, a field or an accessor',
  )
}
