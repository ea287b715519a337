import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import type { CompiledTemplate } from '../../serverless/support/compiled-template'
import { runNode } from '../../serverless/support/service'
import { packagesFolder } from './packages'

const sources = join(packagesFolder, 'service')

/** Where services are packaged: beside the packages, which are found from there. */
const servicesFolder = join(packagesFolder, 'build')

/** The framework by its version, as it is installed. */
const frameworks = { 'osls 4': 'osls/bin/serverless.js', 'Serverless Framework 3': 'serverless/bin/serverless.js' }

/** What makes the zips: the plugin's name, and what it wants in the configuration. */
const builders = {
  'the framework itself': { plugin: undefined, custom: '' },
  'serverless-esbuild': {
    plugin: 'serverless-esbuild',
    custom: 'esbuild: { bundle: true, exclude: [pg-native], target: node20 }',
  },
  'serverless-webpack': {
    plugin: 'serverless-webpack',
    custom: 'webpack: { webpackConfig: ./webpack.config.cjs }',
  },
  'serverless-plugin-typescript': { plugin: 'serverless-plugin-typescript', custom: '' },
  'what version 4 builds with': { plugin: './v4-esbuild.cjs', custom: '' },
}

export type Framework = keyof typeof frameworks
export type Builder = keyof typeof builders

/** One way to package the service. */
export interface Way {
  readonly framework: Framework
  readonly builder: Builder
  /** Whether each function has a zip of its own. */
  readonly individually: boolean
  /** Whether pg-thaw's plugin is listed before the builder. */
  readonly first: boolean
}

/** All ways there are. Where the framework itself makes the zips, there is no order. */
export const ways: readonly Way[] = Object.keys(frameworks).flatMap((framework) =>
  Object.entries(builders).flatMap(([builder, { plugin }]) =>
    [true, false].flatMap((individually) =>
      (plugin === undefined ? [true] : [true, false]).map(
        (first) => ({ framework, builder, individually, first }) as Way,
      ),
    ),
  ),
)

/** What a test calls a way. */
export function nameOf({ framework, builder, individually, first }: Way): string {
  const order = builders[builder].plugin === undefined ? '' : first ? ', pg-thaw listed first' : ', pg-thaw listed last'
  return `${builder} on ${framework}, ${individually ? 'individually' : 'together'}${order}`
}

/** A service that was packaged; its folder goes with it. */
export interface PackagedService extends Disposable {
  readonly template: CompiledTemplate
  /** Where its zips are. */
  readonly zips: string
  /** What the framework and the plugins said. */
  readonly text: string
}

/**
 * Packages the service in a folder of its own.
 *
 * @throws Error with all that was said, when that fails.
 */
export async function packageService(way: Way): Promise<PackagedService> {
  const { directory, text } = await run(way, ['package'])
  const zips = join(directory, '.serverless')
  const template = readFileSync(join(zips, 'cloudformation-template-update-stack.json'), 'utf8')
  return {
    template: JSON.parse(template),
    zips,
    text,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/**
 * Deploys one function of the service, alone.
 *
 * @param environment What leads to a Lambda.
 * @returns what the framework and the plugins said.
 * @throws Error with all of that, when it fails.
 */
export async function deployFunction(
  way: Way,
  name: string,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const { directory, text } = await run(way, ['deploy', 'function', '--function', name], environment)
  rmSync(directory, { recursive: true, force: true })
  return text
}

/** Runs a command on the service, in a folder of its own. */
async function run(way: Way, command: string[], environment: Readonly<Record<string, string>> = {}) {
  const folder = `${command[0]} ${nameOf(way)}`.replaceAll(/\W+/g, '-')
  const directory = join(servicesFolder, folder)
  rmSync(directory, { recursive: true, force: true })
  cpSync(sources, directory, { recursive: true })
  writeFileSync(join(directory, 'package.json'), '{ "name": "builders", "private": true }\n')
  writeFileSync(join(directory, 'serverless.yml'), configurationOf(way))
  if (way.builder === 'the framework itself') await bundle(directory)
  if (way.builder === 'serverless-plugin-typescript') installIn(directory)
  const program = createRequire(join(packagesFolder, 'package.json')).resolve(frameworks[way.framework])
  const { code, text } = await runNode([program, ...command], directory, environment)
  if (code !== 0) throw new Error(text)
  return { directory, text }
}

function configurationOf({ builder, individually, first }: Way): string {
  const { plugin, custom } = builders[builder]
  const plugins = [...(first ? ['pg-thaw/serverless'] : []), plugin, ...(first ? [] : ['pg-thaw/serverless'])]
  const modules = builder === 'serverless-plugin-typescript' ? ", 'node_modules/**'" : ''
  return `service: builders
frameworkVersion: '*'
plugins: [${plugins.filter((it) => it !== undefined).join(', ')}]
provider: { name: aws, runtime: nodejs20.x, region: us-east-1, environment: { NODE_OPTIONS: --enable-source-maps } }
package: { individually: ${individually}, excludeDevDependencies: false, patterns: ['!**', 'src/*.js'${modules}] }
custom:
  pgThaw: { max: 1, maxConnections: 400, functions: { quiet: { goodbye: false }, wrapped: { wrap: true } } }
  ${custom}
functions:
  api: { handler: src/api.handler, reservedConcurrency: 1 }
  quiet: { handler: src/quiet.handler, reservedConcurrency: 1 }
  wrapped: { handler: src/wrapped.handler, reservedConcurrency: 1 }
`
}

/** Where nobody else builds, somebody has before. */
async function bundle(directory: string): Promise<void> {
  const names = ['api', 'quiet', 'wrapped']
  await build({
    entryPoints: names.map((name) => join(directory, 'src', `${name}.ts`)),
    outdir: join(directory, 'src'),
    bundle: true,
    platform: 'node',
    // Of which `paths` would lead to src/.
    tsconfigRaw: {},
    external: ['pg-native'],
    logLevel: 'error',
  })
}

/** Its node_modules are packaged: what the functions need, and nothing else. */
function installIn(directory: string): void {
  const folder = join(directory, 'node_modules')
  mkdirSync(join(folder, 'pg-thaw'), { recursive: true })
  for (const part of ['package.json', 'dist']) {
    cpSync(resolve(part), join(folder, 'pg-thaw', part), { recursive: true })
  }
  const install = (name: string) => {
    const from = resolve('node_modules', name)
    cpSync(from, join(folder, name), { recursive: true, dereference: true })
    const { dependencies = {} } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
    for (const each of Object.keys(dependencies)) install(each)
  }
  install('pg')
}
