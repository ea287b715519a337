import type { FakePool } from './fake-pool.js'

/** More callers than resources, so that some of them always wait. */
export const crowd = { callers: 16, resources: 10 } as const

/** Each of the crowd acquires and releases so many times, one after the other. */
export async function crowdedCycle(pool: FakePool, timesEach: number): Promise<void> {
  await Promise.all(Array.from({ length: crowd.callers }, () => pool.cycle(timesEach)))
}
