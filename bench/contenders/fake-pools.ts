import { bareStack } from './bare-stack.js'
import { thawCore } from './core.js'
import { pgPool, thawFace } from './faces.js'
import type { MakeFakePool } from './fake-pool.js'
import { genericPool } from './generic.js'
import { tarn } from './tarn.js'

/** All that can be measured without a network. */
export const fakePools: readonly (readonly [contender: string, make: MakeFakePool])[] = [
  ['pg-thaw', thawCore],
  ['pg-thaw, Pool', thawFace],
  ['pg-pool', pgPool],
  ['generic-pool', genericPool],
  ['tarn', tarn],
  ['bare stack', bareStack],
]

/** And those of them in which callers can wait. */
export const queueingPools = fakePools.filter(([contender]) => contender !== 'bare stack')
