import { type BuildOptions, build } from 'esbuild'
import type { Inspection, Row } from '../bench.js'

type Kind = 'cjs' | 'esm'

/** What they have before. */
export const alone = `export { Pool } from 'pg'`

/** What somebody who has pg bundles beside it. */
export const additions = [
  ['pg-thaw', `export { Pool as Thaw, createPool, wrapHandler } from 'pg-thaw'`],
  ['generic-pool', `export { createPool } from 'generic-pool'`],
  ['tarn', `export { Pool as Tarn } from 'tarn'`],
  ['postgres.js', `export { default as postgres } from 'postgres'`],
] as const

/** Minified bytes that a bundle with pg in it grows by, of both kinds; and what it has with pg alone. */
export const bundle: Inspection = {
  kind: 'inspection',
  names: ['bundle'],
  needs: 'nothing',
  nodeFlags: [],
  async run({ root }) {
    const rows: Row[] = []
    for (const [format, label] of [
      ['cjs', ''],
      ['esm', ', ESM'],
    ] as const) {
      const before = await bytesOf(root, format, alone)
      for (const [name, addition] of additions) {
        const value = (await bytesOf(root, format, `${alone}\n${addition}`)) - before
        rows.push({ bench: 'bundle', contender: `${name}${label}`, value, unit: 'bytes' })
      }
      rows.push({ bench: 'bundle', contender: `pg alone${label}`, value: before, unit: 'bytes' })
    }
    return rows
  },
}

async function bytesOf(root: string, format: Kind, contents: string): Promise<number> {
  return Buffer.byteLength(await bundleOf(root, format, contents))
}

/** A minified bundle, as users make it. */
export async function bundleOf(
  root: string,
  format: Kind,
  contents: string,
  more: Pick<BuildOptions, 'external' | 'mainFields'> = {},
): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: 'js' },
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format,
    external: ['pg-native'],
    ...more,
    // Without the path mapping of this repository: the package is measured as users get it.
    tsconfigRaw: {},
    write: false,
    logLevel: 'warning',
  })
  return outputFiles.map(({ text }) => text).join('')
}
