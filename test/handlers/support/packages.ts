import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { installWorkspace, linkPackage } from '../../support/workspace'

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

/** Has the packages installed. @throws Error with what npm said. */
export function installPackages(): void {
  installWorkspace(packagesFolder)
  linkPackage(packagesFolder)
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
