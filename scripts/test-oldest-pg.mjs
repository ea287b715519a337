// Runs the tests of the pool with the oldest pg that package.json takes for a peer, and the oldest of pg's own packages that this pg
// takes: who has a lock file may have just these. In a copy of the repository below build/, whose node_modules are links, so that whatever
// asks for pg gets this one. Arguments go to vitest.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const version = manifest.peerDependencies.pg.replace('^', '')
const installed = resolve('build', `pg-${version}`)
const copy = resolve('build', 'oldest-pg')
/** Those that come near what is pg's own; `npm run test:oldest-pg -- test/integration test/consumers` runs all that have a pool. */
const tests = [
  ...['face', 'values', 'binding', 'transactions', 'begin-with-first', 'returns', 'failures', 'faulty-sessions'],
  ...['preparing', 'proof', 'creator', 'connector', 'cutting-off', 'released-at-work', 'limits', 'fast-client'],
].map((name) => `test/integration/${name}.test.ts`)

/** What is left out, by a part of the name or by the file, and why. */
const files = {
  'test/integration/fan-out.test.ts': 'queries share a connection from pg 8.23 on',
  'test/integration/crowd.test.ts': 'the same',
}
const names = {
  ': pg\\.Pool ': 'of pg itself, as it is today',
  'under all who share it|when several share a connection': 'queries share a connection from pg 8.23 on',
  'direct negotiation': 'sslnegotiation is an option of pg from 8.22 on',
  'are the ones that are lent, one for each connection':
    'a client that comes connected tells of its transaction from pg 8.21 on: before, it is first rolled back',
  'of which only the least is known|nothing any more when the connection is gone before|usual with such credentials':
    "asks a bare client for getTransactionStatus(), which is pg's from 8.21 on",
}

install()
makeCopy()
for (const [what, why] of Object.entries({ ...files, ...names })) process.stderr.write(`SKIPPED: ${what}: ${why}\n`)
const given = process.argv.slice(2)
const exclude = Object.keys(files).flatMap((file) => ['--exclude', file])
const pattern = `^(?!.*(${Object.keys(names).join('|')}))`
const run = ['run', ...(given.length > 0 ? given : tests), ...exclude, '--testNamePattern', pattern]
const { status } = spawnSync('npx', ['vitest', ...run], { cwd: copy, stdio: 'inherit' })
process.exit(status ?? 1)

function install() {
  if (versionIn(installed, 'pg') === version) return
  mkdirSync(installed, { recursive: true })
  // Without one, npm would take the package around it for its own.
  writeFileSync(join(installed, 'package.json'), '{ "private": true }\n')
  npmInstall(`pg@${version}`)
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'node_modules', 'pg', 'package.json'), 'utf8'))
  const oldest = Object.entries(dependencies).map(([name, range]) => `${name}@${range.replace('^', '')}`)
  npmInstall(`pg@${version}`, ...oldest)
}

function npmInstall(...packages) {
  const quietly = [
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel',
    'error',
  ]
  execFileSync('npm', ['install', '--prefix', installed, ...quietly, ...packages], { stdio: 'inherit' })
}

function makeCopy() {
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(copy, { recursive: true })
  // Node.js has no copy by hard links, and 800 MB of copies would be slow.
  execFileSync('cp', ['-al', resolve('node_modules'), copy])
  const left = new Set(['node_modules', 'build', 'dist', '.git', '.serverless'])
  for (const name of readdirSync('.')) if (!left.has(name)) cpSync(name, join(copy, name), { recursive: true })
  const pg = join(copy, 'node_modules', 'pg')
  rmSync(pg, { recursive: true })
  cpSync(join(installed, 'node_modules', 'pg'), pg, { recursive: true })
  const own = readdirSync(join(installed, 'node_modules')).filter((name) => !/^(\.|pg$)/.test(name))
  for (const name of own) {
    cpSync(join(installed, 'node_modules', name), join(pg, 'node_modules', name), { recursive: true })
  }
  if (versionIn(copy, 'pg') !== version)
    throw new Error(`Expected pg ${version} in ${copy}, got ${versionIn(copy, 'pg')}`)
  process.stderr.write(`pg ${version}\n`)
}

function versionIn(folder, name) {
  try {
    return JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version
  } catch {
    return undefined
  }
}
