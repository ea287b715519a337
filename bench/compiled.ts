import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuildOptions, build } from 'esbuild'

/** A program of the bench, compiled as the package is: what runs it directly would put helpers into the hot path. */
export interface CompiledProgram {
  /** Its one file, with the source map beside it. */
  readonly file: string
  [Symbol.asyncDispose](): Promise<void>
}

/** @param entry Path of the program below bench/. */
export async function compiled(
  root: string,
  entry: string,
  more: Pick<BuildOptions, 'minifySyntax' | 'plugins'> = {},
): Promise<CompiledProgram> {
  // Beneath node_modules, so that the peers are found.
  const cache = join(root, 'node_modules', '.cache')
  await mkdir(cache, { recursive: true })
  // The real path: where the program will find itself, and so what its source map is relative to.
  const directory = await realpath(await mkdtemp(join(cache, 'pg-thaw-bench-')))
  const file = join(directory, 'program.js')
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    await build({
      entryPoints: [join(root, 'bench', entry)],
      outfile: file,
      bundle: true,
      platform: 'node',
      target: 'node20.19',
      format: 'cjs',
      packages: 'external',
      alias: { 'pg-thaw': join(root, 'src', 'index.ts') },
      sourcemap: 'external',
      logLevel: 'warning',
      ...more,
    })
  } catch (error) {
    await remove()
    throw error
  }
  return { file, [Symbol.asyncDispose]: remove }
}
