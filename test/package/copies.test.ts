import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

it('createPool finds the pool that another bundled copy of the library made', async () => {
  const directory = resolve('node_modules/.cache/pg-thaw-copies')
  mkdirSync(directory, { recursive: true })
  const copies = ['one', 'two'].map((name) => {
    const path = join(directory, `${name}.js`)
    copyFileSync('dist/index.js', path)
    return createRequire(path)(path) as typeof import('../../src/index')
  })
  rmSync(directory, { recursive: true })
  const [one, two] = copies
  if (one === undefined || two === undefined) throw new Error('two copies were made')
  expect(one.createPool).not.toBe(two.createPool)
  const pool = one.createPool({ max: 9 })
  expect(two.createPool({ max: 9 })).toBe(pool)
  await pool.end()
})
