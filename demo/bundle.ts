import { join } from 'node:path'
import { build } from 'esbuild'
import { type Contender, contenders } from './contenders/contender'

/** Bundles the contenders' functions, as one does for Lambda; returns where a function is. */
export async function bundle(directory: string): Promise<(contender: Contender) => string> {
  await build({
    entryPoints: contenders.map((contender) => join(__dirname, 'contenders', `${contender}.ts`)),
    outdir: directory,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['pg-native'],
    // Without the path mapping of this repository: pg-thaw is taken from its package, as users get it.
    tsconfigRaw: {},
    logLevel: 'warning',
  })
  return (contender) => join(directory, `${contender}.cjs`)
}
