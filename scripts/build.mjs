// Builds dist/: one CommonJS implementation per entry point, an ESM face that re-exports it (a second
// implementation would be a second module scope, and so a second set of pools), and the types of both.
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, resolve } from 'node:path'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)

/** What users import: each gets both faces. */
const entries = ['index', 'testing/index']
/** What is started as a process of its own: no face. */
const programs = ['testing/runtime']

rmSync('dist', { recursive: true, force: true })

await build({
  entryPoints: [...entries, ...programs].map((name) => `src/${name}.ts`),
  outdir: 'dist',
  outbase: 'src',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  packages: 'external',
  logLevel: 'warning',
})

for (const name of entries) {
  const names = Object.keys(require(resolve(`dist/${name}.js`))).sort()
  writeFileSync(`dist/${name}.mjs`, `export { ${names.join(', ')} } from './${basename(name)}.js'\n`)
  writeFileSync(`dist/${name}.d.mts`, `export * from './${basename(name)}.js'\n`)
}

execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
})
