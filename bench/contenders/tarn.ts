import { Pool } from 'tarn'
import type { FakePool, FakeResource } from './fake-pool.js'

/** tarn, with its defaults. It has no discard. */
export function tarn(max: number): FakePool {
  let creates = 0
  const pool = new Pool<FakeResource>({
    create: async () => {
      creates += 1
      return { id: creates }
    },
    destroy: () => {},
    min: 0,
    max,
  })
  return {
    async hold(count) {
      const lent = await Promise.all(Array.from({ length: count }, () => pool.acquire().promise))
      return async () => {
        for (const resource of lent) pool.release(resource)
      }
    },
    async cycle(times) {
      for (let i = 0; i < times; i++) {
        const resource = await pool.acquire().promise
        pool.release(resource)
      }
    },
    async queue(callers) {
      const one = async () => {
        const resource = await pool.acquire().promise
        pool.release(resource)
      }
      await Promise.all(Array.from({ length: callers }, one))
    },
  }
}
