import { lstat, mkdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { guardedDirectory, temporaryDirectory } from './postgres-server-guard'
import { canEnter, type ServerUser } from './postgres-server-user'

/** Fills a new directory; it is told which process to end when this one dies. */
export type Fill = (directory: string, watch: (pid: number | undefined) => void) => Promise<void>

/**
 * A directory that is made once and kept for later runs. Safe under concurrency: it is filled under another name and
 * appears by an atomic rename, and whoever comes second takes the first one's.
 */
export async function cached(name: string, user: ServerUser, fill: Fill): Promise<string> {
  const cache = await cacheDirectory(user)
  const path = join(cache, name)
  if (await exists(path)) return path
  const unfinished = await guardedDirectory(`${name}.unfinished-`, user, cache)
  try {
    await fill(unfinished.path, unfinished.watch)
    await rename(unfinished.path, path).catch(async (error: unknown) => {
      if (!(await exists(path))) throw error
    })
  } finally {
    await unfinished.remove()
  }
  return path
}

/** Beside the installed packages, or, when the server's user cannot get there, among the temporary files. */
async function cacheDirectory(user: ServerUser): Promise<string> {
  const ownName = `pg-thaw-postgres-${process.getuid?.() ?? 0}`
  const checkout = dirname(dirname(fileURLToPath(import.meta.url)))
  for (const parent of [join(checkout, 'node_modules', '.cache'), await temporaryDirectory(user)]) {
    const path = join(parent, ownName)
    try {
      await mkdir(path, { recursive: true, mode: 0o755 })
      // In a shared directory somebody else may have been here first: what is run from it must be ours.
      const found = await lstat(path)
      if (!found.isDirectory() || found.uid !== (process.getuid?.() ?? found.uid)) continue
    } catch {
      continue
    }
    if (await canEnter(user, path)) return path
  }
  throw new Error('PostgreSQL needs a directory for its cache that its user can enter')
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
