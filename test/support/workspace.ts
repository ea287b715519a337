import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Has the packages of a folder installed, as its lock file has them; once that is done, only after a change of it.
 *
 * @param finish what else belongs to it.
 * @throws Error with what npm said.
 */
export function installWorkspace(folder: string, finish: () => void = () => {}): void {
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8')
  const stamp = join(folder, 'node_modules', '.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  const quietly = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  // A script that `npm run` started is told where to install, too.
  const env = Object.entries(process.env).filter(([key]) => !/^npm_config_(local_)?prefix$/i.test(key))
  execFileSync('npm', ['ci', '--fetch-retries=1', ...quietly], {
    cwd: folder,
    env: Object.fromEntries(env),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 240_000,
  })
  finish()
  writeFileSync(stamp, lock)
}
