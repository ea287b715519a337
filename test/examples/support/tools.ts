import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { shell } from '../../deploy/support/shell'
import { buildWithCdk } from './cdk'
import { type Deployable, deployable } from './deployable'
import { buildWithMake, buildWithOwnEsbuild } from './sam'
import { buildWithSst } from './sst'
import { buildWithTerraform } from './terraform'

/** How a project of `examples/` becomes what is deployed. */
export interface Tool {
  /** The folder's name. */
  readonly example: string
  build(project: string): Promise<Deployable>
}

async function buildWithEsbuild(project: string): Promise<Deployable> {
  await shell('npm run build', {}, project)
  return deployable(join(project, 'dist'), JSON.parse(readFileSync(join(project, 'function.json'), 'utf8')))
}

export const tools: Readonly<Record<string, Tool>> = {
  SAM: { example: 'sam', build: buildWithMake },
  'SAM, with its own esbuild': { example: 'sam', build: buildWithOwnEsbuild },
  CDK: { example: 'cdk', build: buildWithCdk },
  SST: { example: 'sst', build: buildWithSst },
  Terraform: { example: 'terraform', build: buildWithTerraform },
  esbuild: { example: 'esbuild', build: buildWithEsbuild },
}
