import { writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { behavesWell } from './support/behaviours'
import { faces as ways } from './support/faces'

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

behavesWell('middy, with `pooled()`', { function: () => ({ module: faces.module, exportName: 'inMiddy' }) })

for (const [name, way] of Object.entries(ways)) {
  if ('exportName' in way) {
    behavesWell(name, { function: () => ({ module: faces.module, exportName: way.exportName }) })
  }
  if ('named' in way) {
    const env = () => ({ PG_THAW_HANDLER: way.named, LAMBDA_TASK_ROOT: dirname(plain.module) })
    behavesWell(name, { function: () => ({ module: resolve('dist/handler.mjs'), env: env() }) })
  }
}
