import { checkIsObject, wrongValue } from '../postgres/options/option-checks.js'
import type { PoolOptions } from '../postgres/options/options.js'
import { Pool } from '../postgres/pool.js'
import { environment } from '../registry/environment.js'

/**
 * The pool with these options: the one that this environment already has, else a new one. Options are compared by value, functions
 * in them by identity. Safe to call at module scope of several modules, in several bundled copies of the library, and after a pool
 * was ended: then it makes a new one. Not for every call: a pool that is made there and never ended stays.
 *
 * No connection is opened before the first acquire.
 *
 * @throws {PoolOptionError} for wrong options, and when a pool of the same `name` has others.
 */
export function createPool(options: PoolOptions = {}): Pool {
  checkIsObject(options)
  const pools = [...environment().pools].filter((it) => it.isOpen)
  const same = pools.find((it) => it.madeWith(options))
  if (same !== undefined) return same.pool as Pool
  if (options.name !== undefined && pools.some((it) => it.name === options.name)) {
    throw wrongValue('name', 'unique (its pool has other options)', options.name)
  }
  return new Pool(options)
}
