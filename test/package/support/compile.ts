import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import type { Project } from './project.js'

const run = promisify(execFile)
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

/** How a project resolves modules; the kind of each module is said by its extension. */
export interface Resolution {
  readonly module: string
  readonly moduleResolution: string
  /** Whether to take the types of libraries on trust. Default false. */
  readonly skipLibCheck?: boolean
  /** What else a project has in its tsconfig.json. */
  readonly target?: string
  readonly lib?: readonly string[]
  readonly esModuleInterop?: boolean
  readonly ignoreDeprecations?: string
}

/** Strict as can be, and nothing of the libraries' own types is taken on trust. */
const strictest = {
  target: 'es2022',
  lib: ['es2022'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  skipLibCheck: false,
  noEmit: true,
}

/** Compiles `files` in the project; resolves with what the compiler has to say, which is nothing when all is well. */
export async function compile(project: Project, files: readonly string[], resolution: Resolution): Promise<string> {
  const config = project.write(
    `tsconfig.${resolution.moduleResolution}.json`,
    JSON.stringify({ compilerOptions: { ...strictest, ...resolution }, files }),
  )
  const compiling = run(process.execPath, [tsc, '-p', config, '--pretty', 'false'], { cwd: project.directory })
  const { stdout } = await compiling.catch((error: unknown) => {
    if (error instanceof Error && 'stdout' in error) return { stdout: String(error.stdout) }
    throw error
  })
  return stdout.trim()
}
