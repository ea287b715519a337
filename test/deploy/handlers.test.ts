import { join } from 'node:path'
import { beforeAll, it } from 'vitest'
import { nodeOfMajor } from '../../scripts/node-major'
import { behavesWell } from '../handlers/support/behaviours'
import { bundleAll, functionsFolder, installPackages } from '../handlers/support/packages'
import { ways } from '../handlers/support/ways'
import { describeUnless } from '../support/requirements'
import { shell } from './support/shell'

const missing = reasonAgainst(installPackages, 'no packages')

describeUnless(missing, 'a handler that is made with', () => {
  beforeAll(bundleAll)

  it('has types that fit', async () => {
    await shell('npx tsc --project test/handlers/packages')
  })

  for (const [name, { module, exportName, env, node = 20, ...handler }] of Object.entries(ways)) {
    behavesWell(name, {
      function: () => ({
        module: join(functionsFolder, module),
        nodePath: nodeOfMajor(node),
        ...(exportName !== undefined && { exportName }),
        ...(env !== undefined && { env }),
      }),
      ...handler,
    })
  }
})

function reasonAgainst(prepare: () => unknown, what: string): string | undefined {
  try {
    prepare()
    return undefined
  } catch (error) {
    return `${what}: ${String(error).split('\n')[0]}`
  }
}
