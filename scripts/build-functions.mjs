// Bundles the example service's functions for Lambda, from the built library: each one file, with pg inside and nothing else to
// install. The AWS SDK is Lambda's own. Arguments: where to, and further modules to bundle as well; with --beside they get the pool of pg
// in place of pg-thaw.
import { readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const functions = ['orders', 'fulfil-orders', 'daily-report', 'migrate']
const { values, positionals } = parseArgs({ options: { beside: { type: 'boolean' } }, allowPositionals: true })
const [outdir = 'build/functions', ...others] = positionals
const beside = { 'pg-thaw': resolve('dist/local/beside/pg-thaw.js') }
/** A bundle is loaded in every cold start. */
const MOST_BYTES = 250_000

rmSync(outdir, { recursive: true, force: true })

await build({
  entryPoints: [...functions.map((name) => `infra/functions/${name}.ts`), ...others].map((file) => ({
    in: file,
    out: basename(file, '.ts'),
  })),
  outdir,
  bundle: true,
  minify: true,
  // Libraries ask whether a pool is a "Pool".
  keepNames: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  // `pg-thaw` is taken from its package, as anywhere else, and not from the sources.
  tsconfigRaw: {},
  ...(values.beside && { alias: beside }),
  external: ['pg-native', '@aws-sdk/*'],
  // Lambda's own SDK is found by NODE_PATH, which import() does not look at.
  supported: { 'dynamic-import': false },
  loader: { '.sql': 'text' },
  logLevel: 'warning',
})

for (const file of readdirSync(outdir)) {
  const { size } = statSync(join(outdir, file))
  if (size > MOST_BYTES) throw new Error(`${join(outdir, file)}: expected at most ${MOST_BYTES} bytes, got ${size}`)
}
