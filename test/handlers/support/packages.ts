import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type BuildOptions, build } from 'esbuild'

/** A workspace of its own, so that who works on the pool does not install everything that handlers are made with. */
export const packagesFolder = resolve('test', 'handlers', 'packages')

/** Where the bundles of all functions are: beside the packages, which some of them load at run time. */
export const functionsFolder = join(packagesFolder, 'build')

/** Hooks into what is required, and so wants everything to be. */
const unbundled = ['datadog.ts']

/** Required if it is there, which it is not. */
const absent = [
  'pg-native',
  '@nestjs/microservices',
  '@nestjs/microservices/*',
  '@nestjs/websockets/*',
  'class-transformer',
  'class-transformer/*',
  'class-validator',
]

/**
 * Has the packages installed, as the lock file has them; once that is done, only after a change of it.
 *
 * @throws Error with what npm said.
 */
export function installPackages(): void {
  const lock = readFileSync(join(packagesFolder, 'package-lock.json'), 'utf8')
  const stamp = join(packagesFolder, 'node_modules', '.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  const quietly = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  // A script that `npm run` started is told where to install, too.
  const env = Object.entries(process.env).filter(([key]) => !/^npm_config_(local_)?prefix$/i.test(key))
  execFileSync('npm', ['ci', '--fetch-retries=1', ...quietly], {
    cwd: packagesFolder,
    env: Object.fromEntries(env),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 240_000,
  })
  // As users have it; and beside it no second copy of pg.
  symlinkSync(resolve('.'), join(packagesFolder, 'node_modules', 'pg-thaw'))
  writeFileSync(stamp, lock)
}

/** Bundles all functions as one does for Lambda. */
export async function bundleAll(): Promise<void> {
  const functions = join(packagesFolder, 'functions')
  const entries = (names: string[]) => names.map((name) => join(functions, name))
  const shared: BuildOptions = {
    outdir: functionsFolder,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // Of which `paths` would lead to src/.
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
    logLevel: 'warning',
  }
  const names = readdirSync(functions).filter((name) => !unbundled.includes(name))
  await Promise.all([
    build({ ...shared, entryPoints: entries(names), external: absent }),
    build({ ...shared, entryPoints: entries(unbundled), packages: 'external' }),
  ])
}
