import type { InvocationContext } from '../invocation.js'
import { poolManager } from '../pool-manager.js'

/** Lambda's context, that of a durable function, which has it in it, or what a test made up. */
type Context = InvocationContext & { readonly lambdaContext?: InvocationContext }

/** What is used of the request that middy (6 or later) hands from one middleware to the next. */
export interface MiddyRequest {
  readonly context: unknown
}

/** A middleware of middy. */
export interface PoolMiddleware {
  readonly before: (request: MiddyRequest) => void
  readonly after: (request: MiddyRequest) => Promise<void> | undefined
  readonly onError: (request: MiddyRequest) => Promise<void> | undefined
}

/**
 * A middleware that does what `wrapHandler` does: `middy().use(pooled()).handler(…)`. From its `before` on the environment's pools know of
 * the invocation, and its `after` or `onError` ends it, before Lambda has the answer. Belongs first in the list: then the work of all other
 * middlewares is inside.
 *
 * Where the handler is wrapped as well, within middy or around it, that is one invocation all the same.
 */
export function pooled(): PoolMiddleware {
  const manager = poolManager()
  const ends = new WeakMap<MiddyRequest, () => Promise<void> | undefined>()
  // Further ends of one are the same as the first.
  const end = (request: MiddyRequest) => ends.get(request)?.()
  return {
    before(request) {
      const context = request.context as Context
      const own = context.lambdaContext ?? context
      const inside = manager.inside(own.awsRequestId)
      if (inside !== undefined && !inside.isEntered) return
      const invocation = inside ?? manager.begin(own)
      ends.set(request, manager.join(invocation))
      whenPassedOver(request, () => void end(request))
      // In the step in which middy calls it: what middy goes on to do is inside then.
      if (inside === undefined) manager.enter(invocation)
    },
    after: end,
    onError: end,
  }
}

/**
 * middy goes past a middleware without a word when another one answers early, or throws while it handles an error. Both are seen in
 * the request: an `earlyResponse` is set, or its `error` a second time.
 */
function whenPassedOver(request: MiddyRequest, tell: () => void): void {
  let error: unknown
  let hasFailed = false
  Object.defineProperty(request, 'error', {
    configurable: true,
    enumerable: true,
    get: () => error,
    set(given: unknown) {
      error = given
      if (hasFailed) tell()
      hasFailed = true
    },
  })
  // Above the request, and seen by nobody who asks what is in it: middy 6 asks the request alone, 7 what is above it, too.
  const above = new Proxy(Object.getPrototypeOf(request), {
    set(target, key, value, receiver) {
      const isSet = Reflect.set(target, key, value, receiver)
      if (key === 'earlyResponse') tell()
      return isSet
    },
  })
  Object.setPrototypeOf(request, above)
}
