// Bundles the example service's functions for Lambda: pg inside, nothing else to install.
import { build } from 'esbuild'

await build({
  entryPoints: ['infra/functions/orders.ts'],
  outdir: 'build/functions',
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  external: ['pg-native'],
  alias: { 'pg-thaw': './src/index.ts' },
  logLevel: 'warning',
})
