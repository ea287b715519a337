import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/**
 * The path of the program of a major version of Node.js: this process's own where that is of the same, else one from npm, which is
 * installed into `build/` when it is first asked for (about 190 MB each).
 *
 * @throws Error where there is none for this machine, or no registry.
 */
export function nodeOfMajor(major: number): string {
  if (major === Number.parseInt(process.versions.node, 10)) return process.execPath
  const name = `node-${process.platform}-${process.arch}`
  const folder = resolve('build', `node-${major}`)
  const program = join(folder, 'node_modules', name, 'bin', 'node')
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  // Or npm takes the nearest package above for the one to install into.
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }))
  const options = ['--prefix', folder, '--no-audit', '--no-fund', '--loglevel', 'error', '--fetch-retries', '1']
  // A script that `npm run` started has a configuration of its own.
  const own = Object.entries(process.env).filter(([key]) => !key.toLowerCase().startsWith('npm_'))
  execFileSync('npm', ['install', ...options, `${name}@${major}`], {
    env: Object.fromEntries(own),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 240_000,
  })
  return program
}
