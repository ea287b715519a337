import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { behavesWell } from './support/behaviours'
import { plainWays } from './support/ways'

let bundle: BundledFunction

beforeAll(async () => {
  bundle = await bundleFunction(join(__dirname, 'functions/wrapped.ts'))
})
afterAll(() => bundle.dispose())

describe('given to wrapHandler,', () => {
  for (const [name, exportName] of Object.entries(plainWays)) {
    behavesWell(name, { function: () => ({ module: bundle.module, exportName }) })
  }
})
