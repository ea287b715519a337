import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'

/** What a command printed. */
export interface Printed {
  readonly stdout: string
  /** With what it wrote to stderr. */
  readonly all: string
}

/**
 * Runs a command as a reader of the docs would at a prompt, with nothing in the environment that leads to an account.
 *
 * @throws Error with all that it printed, when it fails.
 */
export async function shell(command: string, env: NodeJS.ProcessEnv = {}, cwd = resolve('.')): Promise<Printed> {
  const { PATH, HOME, TMPDIR, PG_THAW_POSTGRES } = process.env
  const inherited = { PATH, HOME, TMPDIR, PG_THAW_POSTGRES, AWS_EC2_METADATA_DISABLED: 'true' }
  const child = spawn('sh', ['-c', command], { env: { ...inherited, ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', all: '' }
  child.stdout.on('data', (data) => {
    said.stdout += data
    said.all += data
  })
  child.stderr.on('data', (data) => {
    said.all += data
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command}: ${code}\n${said.all}`)
  return said
}
