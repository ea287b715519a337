import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { shell } from '../../deploy/support/shell'
import { type CompiledTemplate, ofType } from '../../serverless/support/compiled-template'
import { type Deployable, deployable, onlyOne } from './deployable'

/** CDK's own program, which bundles with the esbuild of the project. */
export async function buildWithCdk(project: string): Promise<Deployable> {
  await shell('npx cdk synth --quiet --no-notices', { CI: 'true' }, project)
  const [, resource] = onlyOne(ofType(synthesized(project), 'AWS::Lambda::Function'))
  const { Metadata, Properties = {} } = resource as typeof resource & { Metadata?: Record<string, string> }
  return deployable(join(project, 'cdk.out', Metadata?.['aws:asset:path'] ?? 'no asset'), Properties)
}

/** The template that it made. */
export function synthesized(project: string): CompiledTemplate {
  return JSON.parse(readFileSync(join(project, 'cdk.out', 'Orders.template.json'), 'utf8'))
}
