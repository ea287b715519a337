import { createPool } from 'generic-pool'
import type { FakePool, FakeResource } from './fake-pool.js'

/** generic-pool, with its defaults. */
export function genericPool(max: number): FakePool {
  let creates = 0
  const pool = createPool<FakeResource>(
    {
      create: async () => {
        creates += 1
        return { id: creates }
      },
      destroy: async () => {},
    },
    { max },
  )
  return {
    async hold(count) {
      const lent = await Promise.all(Array.from({ length: count }, () => pool.acquire()))
      return async () => {
        for (const resource of lent) await pool.release(resource)
      }
    },
    async cycle(times) {
      for (let i = 0; i < times; i++) {
        const resource = await pool.acquire()
        // Its promise is about nothing that a borrower would wait for.
        void pool.release(resource)
      }
    },
    async replace(times) {
      for (let i = 0; i < times; i++) {
        const resource = await pool.acquire()
        void pool.destroy(resource)
      }
    },
    async queue(callers) {
      const one = async () => {
        const resource = await pool.acquire()
        void pool.release(resource)
      }
      await Promise.all(Array.from({ length: callers }, one))
    },
  }
}
