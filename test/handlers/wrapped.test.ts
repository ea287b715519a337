import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { behavesWell } from './support/behaviours'

let bundle: BundledFunction

beforeAll(async () => {
  bundle = await bundleFunction(join(__dirname, 'functions/wrapped.ts'))
})
afterAll(() => bundle.dispose())

describe('a handler that is given to wrapHandler', () => {
  for (const exportName of ['asynchronous', 'callback', 'streaming']) {
    behavesWell(exportName, { function: () => ({ module: bundle.module, exportName }) })
  }
})
