import type { FakePool, FakeResource } from './fake-pool.js'

/** The floor: an array, a promise and nothing else. No queue, no limit, no care. */
export function bareStack(max: number): FakePool {
  const stack: FakeResource[] = Array.from({ length: max }, (_, id) => ({ id }))
  const pool = {
    acquire: async () => stack.pop(),
    release: (resource: FakeResource | undefined) => {
      if (resource !== undefined) stack.push(resource)
    },
  }
  return {
    async hold(count) {
      const lent = await Promise.all(Array.from({ length: count }, () => pool.acquire()))
      return async () => {
        for (const resource of lent) pool.release(resource)
      }
    },
    async cycle(times) {
      for (let i = 0; i < times; i++) {
        const resource = await pool.acquire()
        pool.release(resource)
      }
    },
    async queue() {
      throw new Error('bug: a bare stack has no queue')
    },
  }
}
