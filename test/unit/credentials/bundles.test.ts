import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { build, type Metafile } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pg-thaw-credentials-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Bundles one of the providers, as a function that uses it would be. */
async function bundle(name: string, packages: 'bundle' | 'external'): Promise<{ file: string; metafile: Metafile }> {
  const file = join(directory, `${name}-${packages}.cjs`)
  const entry = resolve('src/credentials', `${name}.ts`)
  const options = { bundle: true, platform: 'node', target: 'node20', format: 'cjs', metafile: true } as const
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: file,
    packages,
    ...options,
    mainFields: ['module', 'main'],
  })
  return { file, metafile }
}

/** The files that something of has come into a bundle. */
function contentsOf({ outputs }: Metafile): string[] {
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? path : [])),
  )
}

function packagesIn(metafile: Metafile): string[] {
  const names = contentsOf(metafile).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])
  return [...new Set(names)].sort()
}

/** The signer inside of the AWS SDK, and what it stands on. */
const signer = ['@smithy/core', '@smithy/signature-v4']

/** Runs a program where no package is installed. */
async function runAlone(text: string): Promise<string> {
  const program = join(directory, 'program.cjs')
  writeFileSync(program, text)
  const { AWS_REGION: _, ...env } = process.env
  const { stdout } = await run(process.execPath, [program], { cwd: directory, env, timeout: 20_000 })
  return stdout.trim()
}

describe('a bundle', () => {
  it.each([
    ['index', []],
    ['secrets-extension', signer],
    ['rds-iam', signer],
    ['dsql', signer],
  ])(
    'with %s has nothing in it of a pool but its clock and how errors are read, and nothing of others but %o',
    async (name, packages) => {
      const { metafile } = await bundle(name, 'bundle')
      const inputs = Object.keys(metafile.inputs).filter((path) => !path.startsWith('node_modules/'))
      expect(packagesIn(metafile)).toEqual(packages)
      expect(inputs).toContain(`src/credentials/${name}.ts`)
      expect(inputs.filter((path) => !path.startsWith('src/credentials/')).sort()).toEqual([
        'src/pool/clock.ts',
        'src/pool/errors.ts',
        'src/postgres/connection/opening/credentials.ts',
      ])
    },
  )

  it('of a function without credentials has nothing in it of what gets them', async () => {
    const { metafile } = await build({
      stdin: {
        contents: "export { Pool, createPool, wrapHandler } from './src/index.ts'",
        resolveDir: resolve('.'),
      },
      write: false,
      bundle: true,
      platform: 'node',
      target: 'node20',
      packages: 'external',
      metafile: true,
    })
    const inputs = Object.keys(metafile.inputs)
    expect(inputs).toContain('src/postgres/connection/pg-connector.ts')
    expect(inputs.filter((path) => path.startsWith('src/credentials/'))).toEqual([])
  })

  it.each(['secrets-extension', 'rds-iam', 'dsql'])(
    'of a function with a pool and %s has nothing of the AWS SDK but its signer',
    async (name) => {
      const { metafile } = await build({
        stdin: {
          contents: `export { createPool } from './src/index.ts'; export * from './src/credentials/${name}.ts'`,
          resolveDir: resolve('.'),
        },
        outfile: join(directory, `function-${name}.cjs`),
        bundle: true,
        platform: 'node',
        target: 'node20',
        mainFields: ['module', 'main'],
        external: ['pg-native'],
        metafile: true,
      })
      const packages = packagesIn(metafile)
      expect(packages).toContain('pg')
      expect(packages.filter((it) => /aws|smithy/.test(it))).toEqual(signer)
    },
  )

  it('with the SDK in it does not load it before it is needed', async () => {
    const { file, metafile } = await bundle('secrets-manager', 'bundle')
    expect(Object.keys(metafile.inputs).some((path) => path.includes('@aws-sdk/client-secrets-manager'))).toBe(true)
    const text = `
      let loaded = 0
      const Module = require('node:module')
      const load = Module._load
      Module._load = function (request, ...rest) { if (request === 'node:https' || request === 'https') loaded += 1; return load.call(this, request, ...rest) }
      const { secretsManager } = require(${JSON.stringify(file)})
      const provider = secretsManager({ secretId: 'a' })
      const before = loaded
      process.env.AWS_EC2_METADATA_DISABLED = 'true'
      process.env.AWS_CONFIG_FILE = process.env.AWS_SHARED_CREDENTIALS_FILE = '/nowhere'
      provider({ fresh: false, signal: new AbortController().signal }).catch(({ code }) => {
        console.log(JSON.stringify({ before, after: loaded > 0, code }))
      })`
    expect(JSON.parse(await runAlone(text))).toEqual({ before: 0, after: true, code: 'CREDENTIALS_REGION_MISSING' })
  })
})

describe('the errors of one entry point', () => {
  it.each(['commonjs', 'module'] as const)('are known to another (%s)', async (format) => {
    const names = ['pg-thaw', 'pg-thaw/credentials', 'pg-thaw/rds-iam']
    const imports = names.map((it) => (format === 'module' ? `await import('${it}')` : `require('${it}')`)).join(', ')
    const program = `
      const [{ createPool }, { CredentialsError }, { rdsIam }] = [${imports}]
      const pool = createPool({ credentials: rdsIam({ host: 'localhost', user: 'app', region: 'eu-west-1' }) })
      pool.query('SELECT 1').catch(({ code, cause }) => {
        const isKnown = [cause, cause.cause].map((it) => it instanceof CredentialsError)
        console.log(JSON.stringify({ code, isKnown, deeper: cause.cause.code }))
      })`
    const env = { PATH: process.env.PATH }
    const { stdout } = await run(process.execPath, [`--input-type=${format}`, '--eval', program], {
      env,
      timeout: 20_000,
    })
    expect(JSON.parse(stdout)).toEqual({
      code: 'POOL_CREDENTIALS_FAILED',
      isKnown: [true, false],
      deeper: 'CREDENTIALS_KEYS_MISSING',
    })
  })
})

/** What is loaded of the AWS SDK, before and after the pool of a process is first used. */
async function loadedSdk(format: 'commonjs' | 'module'): Promise<{ made: number; used: number; code: string }> {
  const names = ['pg-thaw', 'pg-thaw/secrets-manager', 'node:module']
  const imports = names.map((it) => (format === 'module' ? `await import('${it}')` : `require('${it}')`)).join(', ')
  const program = `
    const [{ createPool }, { secretsManager }, { default: Module = require('node:module') }] = [${imports}]
    const loaded = () => Object.keys(Module._cache).filter((file) => /@aws-sdk|@smithy/.test(file)).length
    const pool = createPool({ credentials: secretsManager({ secretId: 'a' }), connectionTimeoutMillis: 10_000 })
    const made = loaded()
    pool.query('SELECT 1').catch(({ code }) => console.log(JSON.stringify({ made, used: loaded(), code })))`
  const { AWS_REGION: _, ...environment } = process.env
  const env = { ...environment, AWS_CONFIG_FILE: '/nowhere', AWS_EC2_METADATA_DISABLED: 'true' }
  const { stdout } = await run(process.execPath, [`--input-type=${format}`, '--eval', program], {
    env,
    timeout: 20_000,
  })
  return JSON.parse(stdout)
}

describe('the SDK', () => {
  it.each(['commonjs', 'module'] as const)('is not loaded before a pool is used that has it (%s)', async (format) => {
    const { made, used, code } = await loadedSdk(format)
    expect(code).toBe('POOL_CREDENTIALS_FAILED')
    expect(made).toBe(0)
    expect(used).toBeGreaterThan(0)
  })

  it('is not loaded by a provider that was only made, and is asked for by name when it is missing', async () => {
    const { file } = await bundle('secrets-manager', 'external')
    const text = `
      const { secretsManager } = require(${JSON.stringify(file)})
      const provider = secretsManager({ secretId: 'orders/database' })
      provider({ fresh: false, signal: new AbortController().signal }).catch(({ code, message }) => {
        console.log(JSON.stringify({ code, message }))
      })`
    expect(JSON.parse(await runAlone(text))).toEqual({
      code: 'CREDENTIALS_PACKAGE_MISSING',
      message: expect.stringMatching(/`orders\/database`.*npm install @aws-sdk\/client-secrets-manager$/),
    })
  })
})
