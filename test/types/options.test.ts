import type { Client, ClientBase, PoolConfig } from 'pg'
import type { Pooling, PoolOptions, Reset } from 'pg-thaw'
import { describe, expectTypeOf, it } from 'vitest'

// Checked by the compiler (`npm run types`).

describe('options, for the compiler,', () => {
  it('are whatever pg.Pool takes', () => {
    expectTypeOf<PoolConfig>().toExtend<PoolOptions>()
    expectTypeOf<keyof PoolConfig>().toExtend<keyof PoolOptions>()
  })

  it('are all optional, and may be undefined', () => {
    expectTypeOf<Record<never, never>>().toExtend<PoolOptions>()
    // pg's types leave out that `stream` may be undefined.
    expectTypeOf<{ [Name in Exclude<keyof PoolOptions, 'stream'>]?: undefined }>().toExtend<PoolOptions>()
  })

  it('are typed as what they mean', () => {
    expectTypeOf<PoolOptions['pooling']>().toEqualTypeOf<Pooling | undefined>()
    expectTypeOf<Pooling>().toEqualTypeOf<'auto' | 'always' | 'never'>()
    expectTypeOf<Exclude<Reset, string>>().toEqualTypeOf<(client: ClientBase) => void | PromiseLike<void>>()
    expectTypeOf<{ reset: (client: ClientBase) => Promise<void> }>().toExtend<PoolOptions>()
  })

  it('take a Client of another make', () => {
    expectTypeOf<{ Client: typeof Client }>().toExtend<PoolOptions>()
  })

  it('refuse what is misspelt or of another type', () => {
    // @ts-expect-error
    const misspelt: PoolOptions = { idleTimeoutMilis: 1 }
    // @ts-expect-error
    const mistyped: PoolOptions = { max: '10' }
    // @ts-expect-error
    const unknownChoice: PoolOptions = { pooling: 'sometimes' }
    expectTypeOf([misspelt, mistyped, unknownChoice]).toEqualTypeOf<PoolOptions[]>()
  })
})
