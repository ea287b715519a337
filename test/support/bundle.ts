import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'

/** A function bundled as one does for Lambda. */
export interface BundledFunction {
  /** Path of the module. */
  readonly module: string
  dispose(): void
}

/** Bundles a TypeScript function with all that it imports; pg-thaw is taken from its package in dist/, as users get it. */
export async function bundleFunction(entry: string): Promise<BundledFunction> {
  const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-function-'))
  const module = join(directory, 'index.cjs')
  await build({
    entryPoints: [entry],
    outfile: module,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['pg-native'],
    tsconfigRaw: {},
    logLevel: 'warning',
  })
  return { module, dispose: () => rmSync(directory, { recursive: true, force: true }) }
}
