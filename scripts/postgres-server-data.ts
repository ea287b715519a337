import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Binaries } from './postgres-server-binaries'
import { cached } from './postgres-server-cache'
import { give, runAs, type ServerUser } from './postgres-server-user'

/**
 * Copies an initialised cluster to `data` and returns its superuser's password. initdb takes a second or more and a
 * copy some 50 ms, so initdb runs once per version of the package.
 */
export async function copyTemplate(binaries: Binaries, user: ServerUser, data: string): Promise<string> {
  const template = await cached(`template-${binaries.version}`, user, async (directory, watch) => {
    const passwordFile = join(directory, 'password')
    await writeFile(passwordFile, randomBytes(16).toString('hex'), { mode: 0o600 })
    await give(user, passwordFile)
    await initialise(binaries, user, join(directory, 'data'), passwordFile, watch)
  })
  // As the server's user, who then owns the copy.
  await runAs(user, 'cp', ['-a', join(template, 'data'), data])
  return readFile(join(template, 'password'), 'utf8')
}

async function initialise(
  binaries: Binaries,
  user: ServerUser,
  data: string,
  passwordFile: string,
  watch: (pid: number | undefined) => void,
): Promise<void> {
  const args = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`]
  // Small log segments, as each server copies them. No locale, so that sorting is the same on every machine.
  args.push('--wal-segsize=1', '--no-locale', '-E', 'UTF8', '--no-sync')
  const child = spawn(binaries.initdb, args, {
    ...user.ids,
    cwd: '/',
    env: { LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  watch(child.pid)
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [code, signal] = await once(child, 'close')
  watch(undefined)
  if (code !== 0) throw new Error(`initdb failed (${signal ?? `exit code ${code}`}):\n${said}`)
}
