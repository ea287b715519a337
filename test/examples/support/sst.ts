import { cpSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build, transform } from 'esbuild'
import { type Deployable, onlyOne } from './deployable'

/** What the configuration gives its function. */
interface FunctionArguments {
  readonly handler: string
  readonly runtime: string
  readonly timeout: string
  readonly concurrency: { readonly reserved: number }
  readonly nodejs: { readonly esbuild: { readonly external: readonly string[] }; readonly sourcemap: boolean }
  readonly environment: Readonly<Record<string, unknown>>
}

/** SST's program fetches what can't be had here. Its configuration runs, and esbuild with the options that SST 4 gives it. */
export async function buildWithSst(project: string): Promise<Deployable> {
  const { handler, runtime, timeout, concurrency, nodejs, environment } = await functionOf(project)
  const folder = join(project, '.sst', 'artifacts', 'Orders-src')
  const [, path = ''] = /^(.+)\.\w+$/.exec(handler) ?? []
  await build({
    entryPoints: [join(project, `${path}.ts`)],
    outfile: join(folder, `${path}.mjs`),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'esnext',
    keepNames: true,
    minify: true,
    sourcemap: nodejs.sourcemap ? 'linked' : false,
    mainFields: ['module', 'main'],
    external: ['sharp', 'pg-native', ...nodejs.esbuild.external],
    // Without it what is CommonJS could not load the modules of Node.js.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
    },
    // That of the repository around it leads to src/.
    tsconfigRaw: {},
    logLevel: 'warning',
  })
  return {
    folder,
    handler,
    runtime,
    timeoutSeconds: Number.parseInt(timeout, 10),
    reservedConcurrency: concurrency.reserved,
    variables: environment,
  }
}

/** Runs the configuration with components that make nothing. */
async function functionOf(project: string): Promise<FunctionArguments> {
  const source = readFileSync(join(project, 'sst.config.ts'), 'utf8')
  const { code } = await transform(source, { loader: 'ts', format: 'cjs', tsconfigRaw: {} })
  const given: FunctionArguments[] = []
  class Component {
    // Known when it is deployed.
    readonly host = {}
    readonly database = {}
    readonly secretArn = {}
  }
  class FunctionComponent {
    constructor(_name: string, args: FunctionArguments) {
      given.push(args)
    }
  }
  const sst = { aws: { Vpc: Component, Aurora: Component, Function: FunctionComponent } }
  const module: { exports: { default?: { run(): Promise<unknown> } } } = { exports: {} }
  new Function('module', 'sst', '$config', code)(module, sst, (config: unknown) => config)
  await module.exports.default?.run()
  return onlyOne(given)
}

/** What SST's program writes beside the configuration: as far as the example goes. */
export function declareSst(project: string): void {
  const declarations = resolve('test', 'examples', 'packages', 'sst-platform.d.ts')
  cpSync(declarations, join(project, '.sst', 'platform', 'config.d.ts'))
}
