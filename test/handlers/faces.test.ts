import { writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { behavesWell } from './support/behaviours'

let faces: BundledFunction
let plain: BundledFunction

beforeAll(async () => {
  const bundled = (name: string) => bundleFunction(join(__dirname, 'functions', `${name}.ts`))
  ;[faces, plain] = await Promise.all([bundled('faces'), bundled('plain')])
  const module = `await null\nexport * from './index.cjs'\n`
  writeFileSync(join(dirname(plain.module), 'module.mjs'), module)
})
afterAll(() => {
  faces?.dispose()
  plain?.dispose()
})

describe('a handler with the middleware of middy', () => {
  behavesWell('first in its list', { function: () => ({ module: faces.module, exportName: 'inMiddy' }) })
})

describe('a handler that is a method', () => {
  behavesWell('decorated', { function: () => ({ module: faces.module, exportName: 'decorated' }) })
})

describe('a handler of which only PG_THAW_HANDLER knows that it is wrapped', () => {
  for (const named of ['index.asynchronous', 'index.callback', 'index.streaming', 'module.asynchronous']) {
    const env = () => ({ PG_THAW_HANDLER: named, LAMBDA_TASK_ROOT: dirname(plain.module) })
    behavesWell(named, { function: () => ({ module: resolve('dist/handler.mjs'), env: env() }) })
  }
})
