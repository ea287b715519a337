import { execFile } from 'node:child_process'
import { chown } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Whom the server runs as: PostgreSQL refuses to run as root. */
export interface ServerUser {
  /** For child processes; empty when the server runs as whoever runs this program. */
  readonly ids: { readonly uid?: number; readonly gid?: number }
}

/** This user, or, for root, the system's `postgres` user, which is created when it is missing. */
export async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return { ids: {} }
  const known = await lookUp()
  if (known) return known
  const failure = await create()
  // Another process may have been creating the same user: it then holds the lock of the user database for a moment.
  for (let attempt = 0; attempt < 20; attempt++) {
    const created = await lookUp()
    if (created) return created
    await pause(100)
  }
  throw new Error('PostgreSQL does not run as root, and no `postgres` user could be created', { cause: failure })
}

/** Runs a program to its end as the server's user; rejects when it fails. */
export async function runAs(user: ServerUser, file: string, args: readonly string[], cwd = '/'): Promise<void> {
  await run(file, args, { ...user.ids, cwd, env: { LC_ALL: 'C', PATH: process.env.PATH ?? '/usr/bin:/bin' } })
}

/** Whether the server's user can work in this directory. */
export async function canEnter(user: ServerUser, directory: string): Promise<boolean> {
  return runAs(user, '/bin/sh', ['-c', 'cd "$1"', 'sh', directory]).then(
    () => true,
    () => false,
  )
}

/** Makes files the server's user's own. */
export async function give({ ids: { uid, gid } }: ServerUser, ...paths: readonly string[]): Promise<void> {
  if (uid === undefined || gid === undefined) return
  await Promise.all(paths.map((path) => chown(path, uid, gid)))
}

async function lookUp(): Promise<ServerUser | undefined> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'postgres'])))
    return { ids: { uid: Number(uid?.stdout), gid: Number(gid?.stdout) } }
  } catch {
    return undefined
  }
}

/** Returns why it failed, if it did. */
async function create(): Promise<unknown> {
  const args = ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', 'postgres']
  return run('useradd', args).then(
    () => undefined,
    (error: unknown) => error,
  )
}
