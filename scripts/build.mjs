// Builds dist/: one CommonJS implementation per entry point, an ESM face that re-exports it (a second
// implementation would be a second module scope, and so a second set of pools), and the types of both. Bundlers
// get the implementation as an ES module, whoever asks (the condition `module`): they would wrap CommonJS into a
// function, which is parsed twice, and keep what nobody uses. The goodbye is an ES module of its own: it does its
// work when it is imported, stands alone so that it can be copied next to a bundle, and keeps its state in the
// registry.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { build } from 'esbuild'
import ts from 'typescript'

const require = createRequire(import.meta.url)

/** What users import: each gets both faces. */
const entries = [
  'index',
  'credentials/dsql',
  'credentials/index',
  'credentials/rds-iam',
  'credentials/secrets-extension',
  'credentials/secrets-manager',
  'lambda/faces/decorator',
  'lambda/faces/middy',
  'testing/index',
  'watch/emf',
  'watch/opentelemetry',
]
/** What users import for its effect: two sources, the ES module's with the effect. */
const effects = ['goodbye']
/**
 * What Lambda loads by its path: an ES module alone, since it may have to wait for one. Stands alone, as the goodbye does, and finds the
 * pools of the function's bundle in the registry.
 */
const handlers = ['handler']
/** What the Serverless Framework loads: the module is the plugin's class itself. */
const plugins = ['serverless/index']
/** What is started as a process of its own: no face. */
const programs = ['testing/runtime']

rmSync('dist', { recursive: true, force: true })

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  // What users install. The signer of the AWS SDK and the readers of CSV and of zips are none of it: they become part of what needs them.
  external: Object.keys(manifest.peerDependencies),
  mainFields: ['module', 'main'],
  metafile: true,
  logLevel: 'warning',
}

const outputs = []
const noted = ({ metafile }) => outputs.push(...Object.values(metafile.outputs))

noted(
  await build({
    ...shared,
    entryPoints: [...entries, ...effects, ...plugins, ...programs].map((name) => `src/${name}.ts`),
    outdir: 'dist',
    outbase: 'src',
    format: 'cjs',
  }),
)

await build({
  ...shared,
  // What tests import is never bundled with a function.
  entryPoints: entries.filter((name) => name !== 'testing/index').map((name) => `src/${name}.ts`),
  outdir: 'dist',
  outbase: 'src',
  format: 'esm',
  outExtension: { '.js': '.bundler.mjs' },
})

// The command line: each command is loaded when it is called, and stands on entries that are there anyway.
const commands = ['budget', 'doctor', 'local', 'replay'].map((name) => `cli/${name}`)
const apart = [...commands.map((name) => `./${name}.js`), '../local/index.js', '../testing/index.js', '../../index.js']
for (const name of ['cli', ...commands, 'local/index', 'local/beside/pg-thaw', 'local/beside/nothing']) {
  noted(
    await build({
      ...shared,
      entryPoints: [`src/${name}.ts`],
      outfile: `dist/${name}.js`,
      format: 'cjs',
      external: [...shared.external, ...apart],
    }),
  )
}
chmodSync('dist/cli.js', 0o755)

// What is preloaded into the environments of functions that are watched, and the page that shows them.
for (const name of ['preload', 'beside']) {
  const entryPoints = [`src/local/${name}.mts`]
  await build({ ...shared, entryPoints, outfile: `dist/local/${name}.mjs`, format: 'esm' })
}
copyFileSync('src/local/page/page.html', 'dist/local/page.html')

for (const name of [...effects, ...handlers]) {
  await build({ ...shared, entryPoints: [`src/${name}.mts`], outfile: `dist/${name}.mjs`, format: 'esm' })
}

for (const name of entries) {
  const names = Object.keys(require(resolve(`dist/${name}.js`))).sort()
  writeFileSync(`dist/${name}.mjs`, `export { ${names.join(', ')} } from './${basename(name)}.js'\n`)
  const types = names.includes('default') ? "export { default } from './index.js'\n" : ''
  writeFileSync(`dist/${name}.d.mts`, `export * from './${basename(name)}.js'\n${types}`)
}

/** What became part of a file, of which package, each of which asks for its licence to travel with it. */
const bundled = new Set(
  outputs
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([path]) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []),
)
const licences = [...bundled].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, 'LICENSE'), 'utf8').trim()}\n`
})
writeFileSync('dist/third-party-licenses.txt', licences.join(`\n${'-'.repeat(80)}\n\n`))

execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
})

/** The types that an entry point leads to: what else the compiler wrote describes modules that nobody can import. */
const reachable = new Set()

function reach(path) {
  if (reachable.has(path)) return
  reachable.add(path)
  for (const { fileName } of ts.preProcessFile(readFileSync(path, 'utf8')).importedFiles) {
    if (fileName.startsWith('.')) reach(join(dirname(path), fileName).replace(/\.js$/, '.d.ts'))
  }
}

for (const name of [...entries, ...effects, ...plugins]) reach(join('dist', `${name}.d.ts`))

// What only Lambda loads.
for (const name of handlers) rmSync(`dist/${name}.d.mts`)

for (const file of readdirSync('dist', { recursive: true, withFileTypes: true })) {
  const path = join(file.parentPath, file.name)
  if (path.endsWith('.d.ts') && !reachable.has(path)) rmSync(path)
}
