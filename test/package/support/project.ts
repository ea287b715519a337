import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A project that was empty before the packed package was installed in it, with pg beside it: all that users have. */
export interface Project {
  readonly directory: string
  /** Paths of all files that the package brought, sorted. */
  files(): string[]
  /** Puts a package of this repository beside it. */
  link(name: string): void
  /** Writes a file and returns its path. */
  write(path: string, text: string): string
  /** Runs Node.js here; resolves with what it prints. */
  node(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string>
  [Symbol.dispose](): void
}

/** What is linked from this repository instead of being fetched, so that no test needs a network. */
const beside = ['pg', '@types/pg', '@types/node']

export async function installPackage(): Promise<Project> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pg-thaw-project-')))
  const project: Project = {
    directory,
    files: () => filesIn(join(directory, 'node_modules', 'pg-thaw')),
    link(name) {
      const link = join(directory, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(resolve('node_modules', name), link)
    },
    write(path, text) {
      const file = join(directory, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
      return file
    },
    async node(args, env = {}) {
      const { stdout } = await run(process.execPath, args, {
        cwd: directory,
        env: { ...process.env, ...env },
        timeout: 20_000,
      })
      return stdout.trim()
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
  try {
    await install(project)
  } catch (error) {
    project[Symbol.dispose]()
    throw error
  }
  return project
}

async function install(project: Project): Promise<void> {
  const { directory } = project
  project.write('package.json', JSON.stringify({ name: 'a-users-project', private: true }))
  // Its dist/ is built before the tests run.
  await npm('.', directory, ['pack', '--ignore-scripts', '--pack-destination', directory])
  const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('Expected `npm pack` to leave a tarball')
  // The peers are linked below: npm would ask the registry for them.
  await npm(directory, directory, ['install', '--offline', '--legacy-peer-deps', '--ignore-scripts', `./${tarball}`])
  for (const name of beside) project.link(name)
}

/** Runs npm as a shell would, whatever npm runs the tests, and with a cache that is empty. */
async function npm(cwd: string, directory: string, args: readonly string[]): Promise<void> {
  const own = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_'))
  const options = ['--cache', join(directory, '.npm'), '--no-audit', '--no-fund', '--no-update-notifier']
  await run('npm', [...args, ...options], { cwd, env: Object.fromEntries(own), timeout: 60_000 })
}

function filesIn(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort()
}
