import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { shell } from '../../deploy/support/shell'
import { readPage } from '../../docs/support/pages'
import { type Deployable, deployable, type FunctionProperties, onlyOne } from './deployable'

const run = promisify(execFile)

interface SamFunction {
  readonly Properties: FunctionProperties
  readonly Metadata: { readonly BuildMethod: string; readonly BuildProperties?: EsbuildProperties }
}

interface SamTemplate {
  readonly Resources: Readonly<Record<string, SamFunction>>
}

/** Of which all that has one value, or a list of them. */
type EsbuildProperties = Readonly<Record<string, boolean | string | readonly string[]>>

function read(text: string): SamTemplate {
  const customTags = ['!Ref', '!GetAtt'].map((tag) => ({ tag, resolve: (value: string) => ({ [tag]: value }) }))
  return parse(text, { customTags })
}

/** `sam build` copies the project, and calls the target of that name there. */
export async function buildWithMake(project: string): Promise<Deployable> {
  const template = read(readFileSync(join(project, 'template.yaml'), 'utf8'))
  const [id, { Properties, Metadata }] = onlyOne(Object.entries(template.Resources))
  if (Metadata.BuildMethod !== 'makefile') throw new Error('expected BuildMethod: makefile')
  const folder = join(project, '.aws-sam', 'build', id)
  mkdirSync(folder, { recursive: true })
  await shell(`make build-${id} ARTIFACTS_DIR=${folder}`, {}, project)
  return deployable(folder, Properties)
}

/** What the recipe has for SAM's own esbuild, which is called as `sam build` calls it. */
export async function buildWithOwnEsbuild(project: string): Promise<Deployable> {
  const { blocks } = readPage(join('docs', 'recipes', 'sam.md'))
  const { code } = onlyOne(blocks.filter((block) => block.code.includes('BuildMethod: esbuild')))
  const { Properties, Metadata } = read(`Resources:\n${code}`).Resources.OrdersFunction as SamFunction
  const pool = join(project, 'src', 'pool.ts')
  writeFileSync(pool, `import 'pg-thaw/goodbye'\n${readFileSync(pool, 'utf8')}`)
  const { EntryPoints, ...flags } = Metadata.BuildProperties ?? {}
  const folder = join(project, '.aws-sam', 'build', 'OrdersFunction')
  const own = [...[EntryPoints].flat(), ...Object.entries(flags).flatMap(flagsFor)].map(String)
  const always = ['--bundle', '--platform=node', `--outdir=${folder}`]
  await run(join(project, 'node_modules', '.bin', 'esbuild'), [...own, ...always], { cwd: project })
  const whole = read(readFileSync(join(project, 'template.yaml'), 'utf8')).Resources.OrdersFunction as SamFunction
  const { Environment } = whole.Properties
  const variables = { ...Environment?.Variables, ...Properties.Environment?.Variables }
  return deployable(folder, { ...whole.Properties, ...Properties, Environment: { Variables: variables } })
}

/** `OutExtension: [.js=.mjs]` is `--out-extension:.js=.mjs`, `Format: esm` is `--format=esm`, `Sourcemap: true` is `--sourcemap`. */
function flagsFor([name, value]: [string, boolean | string | readonly string[]]): string[] {
  const flag = `--${name.replaceAll(/(?<=.)[A-Z]/g, '-$&').toLowerCase()}`
  if (value === false) return []
  if (value === true) return [flag]
  return typeof value === 'string' ? [`${flag}=${value}`] : value.map((each) => `${flag}:${each}`)
}
