import type { PoolObserver, ResourcePoolOptions } from '../../src/pool/connector'
import { ResourcePool } from '../../src/pool/resource-pool'
import { Checkout } from '../../src/pool/slot'
import type { AcquireOptions } from '../../src/pool/waiter'
import { FakeClock, settled } from './fake-clock'
import { FakeConnector, type FakeResource } from './fake-resource'

/** One acquire, watched from outside without waiting for it. */
export interface Call {
  readonly state: 'pending' | 'served' | 'failed'
  /** The checkout; throws when there is none. */
  readonly checkout: Checkout<FakeResource>
  /** What it was rejected with; throws when it was not. */
  readonly error: unknown
  /** Resolves when it is settled, either way. */
  readonly done: Promise<void>
  /** Takes it out of the queue, if it is there; without an error it is never settled. Returns how many left. */
  leave(error?: Error): number
}

/** What a fake pool is built with, and for how long its far side keeps what says nothing. */
export type FakePoolOptions = Partial<ResourcePoolOptions> & { readonly leaseMillis?: number }

/** A pool over a fake far side and a clock held by hand. */
export interface FakePool {
  readonly clock: FakeClock
  readonly far: FakeConnector
  readonly pool: ResourcePool<FakeResource>
  /** What its observer heard, in order, and which calls were settled, by their names. */
  readonly heard: string[]
  /** Starts an acquire, with a label of its own unless it is given one. */
  call(options?: AcquireOptions, name?: string): Call
  /** Acquires one, and fails if that takes more than promises. */
  take(): Promise<Checkout<FakeResource>>
  /** Leaves `count` idle resources, ids 1 to `count` if they are the first. */
  fill(count: number): Promise<void>
}

/** Builds one. Without overrides nothing ever grows old, a sign of life is trusted for 1 s, and `random` is 0.5. */
export function createFakePool(
  { leaseMillis = Number.POSITIVE_INFINITY, ...overrides }: FakePoolOptions = {},
  observer: PoolObserver<FakeResource> = {},
): FakePool {
  const clock = new FakeClock()
  const far = new FakeConnector()
  far.lease = leaseMillis
  const heard: string[] = []
  const pool = new ResourcePool(far, poolOptions({ clock, ...overrides }), recording(heard, observer))

  const call = (options: AcquireOptions = {}, name?: string): Call => {
    const { label = Symbol(name) } = options
    const leave = (error?: Error) => pool.turnAway((it) => it === label, error && (() => error))
    return watch(pool.acquire({ ...options, label }), leave, heard, name)
  }
  const take = async () => {
    const taken = watch(pool.acquire({ timeoutMillis: 60_000 }), () => 0, [], undefined)
    await settled()
    return taken.checkout
  }
  const fill = async (count: number) => {
    const checkouts = await Promise.all(Array.from({ length: count }, take))
    for (const checkout of checkouts) checkout.release()
  }
  return { clock, far, pool, heard, call, take, fill }
}

/** All options, with what a test says otherwise. */
export function poolOptions(overrides: Partial<ResourcePoolOptions>): ResourcePoolOptions {
  return {
    max: 3,
    min: 0,
    maxIdle: 100,
    maxWaiting: Number.POSITIVE_INFINITY,
    maxUses: Number.POSITIVE_INFINITY,
    idleTimeoutMillis: Number.POSITIVE_INFINITY,
    maxLifetimeMillis: Number.POSITIVE_INFINITY,
    lifetimeJitter: 0,
    validationBypassMillis: 1000,
    leastValidationMillis: overrides.validationTimeoutMillis ?? 200,
    validationTimeoutMillis: 200,
    resetTimeoutMillis: 300,
    dialTimeoutMillis: 1000,
    absenceMillis: Number.POSITIVE_INFINITY,
    closeTimeoutMillis: 500,
    clock: new FakeClock(),
    random: () => 0.5,
    ...overrides,
  }
}

function watch(
  promise: Promise<Checkout<FakeResource>>,
  leave: Call['leave'],
  heard: string[],
  name: string | undefined,
): Call {
  let outcome: Checkout<FakeResource> | { readonly error: unknown } | undefined
  const note = (what: string) => {
    if (name !== undefined) heard.push(`${name} ${what}`)
  }
  const done = promise.then(
    (checkout) => {
      outcome = checkout
      note(`got ${checkout.resource.id}`)
    },
    (error: unknown) => {
      outcome = { error }
      note('failed')
    },
  )
  return {
    done,
    leave,
    get state() {
      if (outcome === undefined) return 'pending'
      return outcome instanceof Checkout ? 'served' : 'failed'
    },
    get checkout() {
      if (outcome instanceof Checkout) return outcome
      throw new Error(`the call was not served: ${String(outcome?.error ?? 'it is pending')}`)
    },
    get error() {
      if (outcome !== undefined && 'error' in outcome) return outcome.error
      throw new Error('the call has not failed')
    },
  }
}

function recording(heard: string[], observer: PoolObserver<FakeResource>): PoolObserver<FakeResource> {
  return {
    begins: (what) => observer.begins?.(what),
    dialled: (resource) => {
      heard.push(`dialled ${resource.id}`)
      observer.dialled?.(resource)
    },
    acquired: (resource) => {
      heard.push(`acquired ${resource.id}`)
      observer.acquired?.(resource)
    },
    ...(observer.uses && { uses: observer.uses, used: (millis) => observer.used?.(millis) }),
    released: (discard, resource) => {
      heard.push(`released ${resource.id}`)
      observer.released?.(discard, resource)
    },
    retiring: (resource, reason) => observer.retiring?.(resource, reason),
    retired: (resource, reason) => {
      heard.push(`retired ${resource.id}: ${reason}`)
      observer.retired?.(resource, reason)
    },
    lostIdle: (resource, error) => {
      heard.push(`lost ${resource.id}`)
      observer.lostIdle?.(resource, error)
    },
    returnedDirty: (checkout, condition) => {
      heard.push(`returned ${condition} ${checkout.resource.id}`)
      observer.returnedDirty?.(checkout, condition)
    },
    returnedLate: (checkout) => {
      heard.push(`returned late ${checkout.resource.id}`)
      observer.returnedLate?.(checkout)
    },
    fault: (error) => {
      heard.push(`fault: ${error instanceof Error ? error.message : String(error)}`)
      observer.fault?.(error)
    },
  }
}
