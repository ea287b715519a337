import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { shell } from '../../deploy/support/shell'
import type { Deployable } from './deployable'

/** Blocks by type and name, of which there may be several. */
type Blocks = Readonly<Record<string, Readonly<Record<string, readonly Block[]>>>>
type Block = Readonly<Record<string, unknown>>

/** Terraform zips what the build has left; its configuration is read by HashiCorp's own parser. */
export async function buildWithTerraform(project: string): Promise<Deployable> {
  await shell('npm run build', {}, project)
  const { resource, data } = await parse(readFileSync(join(project, 'main.tf'), 'utf8'))
  const [archive = {}] = data.archive_file?.orders ?? []
  const [lambda = {}] = resource.aws_lambda_function?.orders ?? []
  const [environment = {}] = (lambda.environment ?? []) as Block[]
  return {
    folder: String(archive.source_dir).replace(`\${path.module}`, project),
    handler: String(lambda.handler),
    runtime: String(lambda.runtime),
    timeoutSeconds: Number(lambda.timeout),
    reservedConcurrency: Number(lambda.reserved_concurrent_executions),
    variables: environment.variables as Block,
  }
}

async function parse(text: string): Promise<{ readonly resource: Blocks; readonly data: Blocks }> {
  const require = createRequire(resolve('test', 'examples', 'packages', 'package.json'))
  const hcl2json = require('@cdktf/hcl2json') as { parse(name: string, text: string): Promise<object> }
  return (await hcl2json.parse('main.tf', text)) as Awaited<ReturnType<typeof parse>>
}
