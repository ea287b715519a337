// Makes dist/: what is deployed.
import { copyFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

rmSync('dist', { recursive: true, force: true })
await build({
  entryPoints: ['src/orders.ts'],
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  // pg asks for the one if it is there; the other one Lambda's Node.js has.
  external: ['pg-native', '@aws-sdk/*'],
  sourcemap: true,
  keepNames: true,
})
// What closes the connections when Lambda ends an environment: preloaded by NODE_OPTIONS.
const { resolve } = createRequire(import.meta.url)
copyFileSync(join(dirname(resolve('pg-thaw')), 'goodbye.mjs'), 'dist/goodbye.mjs')
