import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)

/** Runs a program with the package as users get it; resolves with what it prints. */
async function node(type: 'commonjs' | 'module', program: string): Promise<string> {
  const { stdout } = await run(process.execPath, [`--input-type=${type}`, '--eval', program], { timeout: 15_000 })
  return stdout.trim()
}

describe('the package', () => {
  it('has one implementation behind both kinds of import', async () => {
    const program = `
      import { createRequire } from 'node:module'
      import * as esm from 'pg-thaw'
      import * as testing from 'pg-thaw/testing'
      const require = createRequire(process.cwd() + '/')
      const names = (it) => Object.keys(it).filter((name) => name !== 'default').sort().join()
      console.log(
        esm.Pool === require('pg-thaw').Pool && names(esm) === names(require('pg-thaw')),
        testing.startLambda === require('pg-thaw/testing').startLambda)`
    expect(await node('module', program)).toBe('true true')
  })

  it('keeps the name of its Pool when it is minified', async () => {
    const { build } = await import('esbuild')
    const { outputFiles } = await build({
      entryPoints: ['dist/index.js'],
      bundle: true,
      minify: true,
      platform: 'node',
      external: ['pg'],
      write: false,
    })
    const code = outputFiles[0]?.text ?? ''
    expect(await node('commonjs', `${code};console.log(new module.exports.Pool().constructor.name)`)).toBe('Pool')
  })

  it('loads neither the AWS SDK nor its own test tools', async () => {
    const loaded = await node('commonjs', "require('pg-thaw'); console.log(Object.keys(require.cache).join('\\n'))")
    expect(loaded).toContain('pg-pool')
    expect(loaded).not.toMatch(/aws-sdk|testing/)
  })

  it('needs nothing but pg at run time', () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(manifest.dependencies).toBeUndefined()
    expect(Object.keys(manifest.peerDependencies)).toEqual(['pg', '@types/pg'])
    expect(manifest.peerDependenciesMeta).toEqual({ '@types/pg': { optional: true } })
  })
})
