import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canEnter, give, type ServerUser } from './postgres-server-user'

/** A directory that does not outlive this process, nor does the process that works in it. */
export interface GuardedDirectory {
  readonly path: string
  /** The process to end before the directory is removed, or none. */
  watch(pid: number | undefined): void
  /** Ends the watched process and removes the directory. Idempotent. */
  remove(): Promise<void>
}

/**
 * Reads the watched pid from its stdin, line by line. The end of stdin is the end of the owner, whether it exits, is
 * interrupted or killed, so the owner needs no handler for any signal. SIGQUIT is PostgreSQL's immediate shutdown. The
 * wait is bounded, as an orphan that nobody reaps would look alive for ever.
 */
const guard = `
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -QUIT "$pid"
  tries=200
  while kill -0 "$pid" && [ "$tries" -gt 0 ]; do tries=$((tries - 1)); sleep 0.05; done
fi
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
`

/** Creates a directory that belongs to the server's user, beneath `parent` or a temporary one that this user can enter. */
export async function guardedDirectory(prefix: string, user: ServerUser, parent?: string): Promise<GuardedDirectory> {
  const path = await mkdtemp(join(parent ?? (await temporaryDirectory(user)), prefix))
  const child = spawn('/bin/sh', ['-c', guard, 'sh', path], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    // A session of its own, so that Ctrl-C does not end it together with its owner.
    detached: true,
  })
  const exited = once(child, 'exit')
  child.stdin.on('error', () => {})
  child.unref()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  await give(user, path)
  return {
    path,
    watch: (pid) => {
      if (child.stdin.writable) child.stdin.write(`${pid ?? ''}\n`)
    },
    remove: async () => {
      child.ref()
      child.stdin.end()
      await exited
    },
  }
}

/** The system's temporary directory, or a well-known one when TMPDIR is private to somebody else than the server's user. */
export async function temporaryDirectory(user: ServerUser): Promise<string> {
  for (const candidate of [tmpdir(), '/tmp', '/var/tmp']) {
    if (await canEnter(user, candidate)) return candidate
  }
  throw new Error('PostgreSQL needs a temporary directory that its user can enter')
}
