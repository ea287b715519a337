import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { countCalls, listOf } from '../../bench/calls/count'
import { createDatabase } from '../support/database'

describe('a warm query', () => {
  it('calls at most 16 of our functions, in at most 6 files, there and back', async () => {
    await using database = await createDatabase()
    const count = await countCalls(resolve('.'), database.config)
    const list = listOf(count)
    expect(list).toContain('src/postgres/pool.ts')
    expect(count.calls, list).toBeLessThanOrEqual(16)
    expect(count.files, list).toBeLessThanOrEqual(6)
  })
})
