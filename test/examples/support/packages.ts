import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { declareSst } from './sst'

/** A workspace of its own: what the projects of `examples/` are built with, but `pg-thaw` itself. */
const packagesFolder = resolve('test', 'examples', 'packages')
const installed = join(packagesFolder, 'node_modules')
const projectsFolder = join(packagesFolder, 'build')

/**
 * Has the packages installed, as the lock file has them; once that is done, only after a change of it. And beside them the package that
 * is built here, as it would come out of the registry: anew each time.
 *
 * @throws Error with what npm said.
 */
export function installPackages(): void {
  const lock = readFileSync(join(packagesFolder, 'package-lock.json'), 'utf8')
  const stamp = join(installed, '.installed')
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
    npm('ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--fetch-retries=1')
    writeFileSync(stamp, lock)
  }
  rmSync(projectsFolder, { recursive: true, force: true })
  mkdirSync(projectsFolder)
  npm('pack', resolve('.'), '--silent', '--ignore-scripts', '--pack-destination', projectsFolder)
  const tarball = readdirSync(projectsFolder).find((name) => name.endsWith('.tgz'))
  const target = join(installed, 'pg-thaw')
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target)
  execFileSync('tar', ['-xzf', join(projectsFolder, String(tarball)), '-C', target, '--strip-components=1'])
  const program = join(installed, '.bin', 'pg-thaw')
  rmSync(program, { force: true })
  symlinkSync('../pg-thaw/dist/cli.js', program)
}

/** The versions that are installed, by name. */
export function installedVersions(): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(join(packagesFolder, 'package.json'), 'utf8'))
  const { version } = JSON.parse(readFileSync(resolve('package.json'), 'utf8'))
  return { ...dependencies, 'pg-thaw': version }
}

/** A copy of an example, under a name of its own, in which everything that it needs is installed: where it is. */
export function setUp(example: string, name: string): string {
  const project = join(projectsFolder, name.replaceAll(/\W+/g, '-'))
  cpSync(resolve('examples', example), project, { recursive: true })
  symlinkSync(installed, join(project, 'node_modules'))
  // What `npm install` leaves, by which CDK knows where a project begins.
  cpSync(join(packagesFolder, 'package-lock.json'), join(project, 'package-lock.json'))
  if (example === 'sst') declareSst(project)
  return project
}

function npm(...args: string[]): void {
  // A script that `npm run` started has a configuration of its own.
  const own = Object.entries(process.env).filter(([key]) => !key.toLowerCase().startsWith('npm_'))
  execFileSync('npm', args, {
    cwd: packagesFolder,
    env: Object.fromEntries(own),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 240_000,
  })
}
