import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** A workspace of its own, so that who works on the pool does not install everything that services are packaged with. */
export const packagesFolder = resolve('test', 'builders', 'packages')

/**
 * Has the packages installed, as the lock file has them; once that is done, only after a change of it.
 *
 * @throws Error with what npm said.
 */
export function installPackages(): void {
  const lock = readFileSync(join(packagesFolder, 'package-lock.json'), 'utf8')
  const stamp = join(packagesFolder, 'node_modules', '.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error']
  // A script that `npm run` started has a configuration of its own.
  const own = Object.entries(process.env).filter(([key]) => !key.toLowerCase().startsWith('npm_'))
  execFileSync('npm', ['ci', ...options], {
    cwd: packagesFolder,
    env: Object.fromEntries(own),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 240_000,
  })
  // As users have it, and no link to a folder that it is in: who follows links would go round for ever.
  const folder = join(packagesFolder, 'node_modules', 'pg-thaw')
  mkdirSync(folder)
  copyFileSync('package.json', join(folder, 'package.json'))
  symlinkSync(resolve('dist'), join(folder, 'dist'))
  writeFileSync(stamp, lock)
}
