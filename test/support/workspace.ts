import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/**
 * Has the packages of a folder installed, as its lock file has them; once that is done, only after a change of it.
 *
 * @throws Error with what npm said.
 */
export function installWorkspace(folder: string): void {
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8')
  const stamp = join(folder, 'node_modules', '.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  runNpm(folder, 'ci', '--fetch-retries=1', '--ignore-scripts', '--no-audit', '--no-fund')
  writeFileSync(stamp, lock)
}

/**
 * Puts the package that is built here beside them, anew each time: as users have it, but with the repository's pg. No link to the
 * repository itself, which the folder is in: who follows links would go round for ever.
 */
export function linkPackage(folder: string): void {
  const target = join(folder, 'node_modules', 'pg-thaw')
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target)
  copyFileSync('package.json', join(target, 'package.json'))
  symlinkSync(resolve('dist'), join(target, 'dist'))
}

/** Runs npm in a folder. @throws Error with what it said. */
export function runNpm(folder: string, ...args: string[]): void {
  // A script that `npm run` started is told where to install, too.
  const env = Object.entries(process.env).filter(([key]) => !/^npm_config_(local_)?prefix$/i.test(key))
  execFileSync('npm', [...args, '--loglevel=error'], {
    cwd: folder,
    env: Object.fromEntries(env),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 240_000,
  })
}
