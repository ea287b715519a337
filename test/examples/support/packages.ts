import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { installWorkspace, runNpm } from '../../support/workspace'
import { declareSst } from './sst'

/** A workspace of its own: what the projects of `examples/` are built with, but `pg-thaw` itself. */
const packagesFolder = resolve('test', 'examples', 'packages')
const installed = join(packagesFolder, 'node_modules')
const projectsFolder = join(packagesFolder, 'build')

/**
 * Has the packages installed. And beside them the package that is built here, as it would come out of the registry: anew each time.
 *
 * @throws Error with what npm said.
 */
export function installPackages(): void {
  installWorkspace(packagesFolder)
  rmSync(projectsFolder, { recursive: true, force: true })
  mkdirSync(projectsFolder)
  runNpm(packagesFolder, 'pack', resolve('.'), '--ignore-scripts', '--pack-destination', projectsFolder)
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
