// Runs the tests of src/pool and src/lambda against mutants of them: docs/mutation.md. Stryker brings 170 packages that nothing else needs,
// so it is installed on demand, by npm as it is configured, into build/. Arguments are what to mutate; without any, both folders are.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const version = '9.6.1'
const packages = ['@stryker-mutator/core', '@stryker-mutator/vitest-runner']
const folder = resolve('build', 'mutation')
const modules = join(folder, 'node_modules')

install()
const { Stryker } = await import(pathToFileURL(join(modules, '@stryker-mutator/core/dist/src/index.js')).href)
const given = process.argv.slice(2)
const results = await new Stryker({
  mutate: given.length > 0 ? given : ['src/pool/**/*.ts', 'src/lambda/**/*.ts'],
  plugins: [pathToFileURL(join(modules, '@stryker-mutator/vitest-runner/dist/src/index.js')).href],
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutate.config.mts', related: false },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  incremental: true,
  incrementalFile: 'build/mutation/incremental.json',
  tempDirName: 'build/mutation/sandbox',
  ignorePatterns: ['/build', '/dist', '/bench', '/demo', '/docs', '/infra'],
  reporters: ['progress-append-only', 'clear-text', 'json', 'html'],
  clearTextReporter: { allowEmojis: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: 'build/mutation/mutation.json' },
  htmlReporter: { fileName: 'build/mutation/mutation.html' },
  thresholds: { high: 95, low: 90, break: 90 },
  allowConsoleColors: false,
}).runMutationTest()
process.exitCode = results.length > 0 ? process.exitCode : 1

function install() {
  if (packages.every((name) => versionOf(name) === version)) return
  mkdirSync(folder, { recursive: true })
  // Without one, npm would take the package around it for its own.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  // Without the peers: vitest is the project's own.
  const quietly = [
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--legacy-peer-deps',
  ]
  const args = ['install', '--prefix', folder, ...quietly, ...packages.map((name) => `${name}@${version}`)]
  const { status, error } = spawnSync('npm', args, { stdio: 'inherit' })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}

function versionOf(name) {
  try {
    return JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version
  } catch {
    return undefined
  }
}
