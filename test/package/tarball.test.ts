import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { linksOf, pages } from '../docs/support/pages.js'
import { installPackage, type Project } from './support/project.js'

let project: Project

beforeAll(async () => {
  project = await installPackage()
})
afterAll(() => project?.[Symbol.dispose]())

describe('the tarball', () => {
  it('has the licence, the manifest, the pages and dist/, and nothing else', () => {
    const files = project.files()
    const pictures = readdirSync('docs').filter((name) => !name.endsWith('.md'))
    expect(files.filter((path) => !path.startsWith('dist/'))).toEqual(
      ['LICENSE', 'package.json', ...pages().map(({ path }) => path), ...pictures.map((it) => `docs/${it}`)].sort(),
    )
    expect(files.filter((path) => path.startsWith('dist/') && !path.endsWith('.d.ts'))).toEqual([
      'dist/cli.js',
      'dist/cli/budget.js',
      'dist/cli/doctor.js',
      'dist/cli/local.js',
      'dist/cli/replay.js',
      'dist/credentials/dsql.bundler.mjs',
      'dist/credentials/dsql.d.mts',
      'dist/credentials/dsql.js',
      'dist/credentials/dsql.mjs',
      'dist/credentials/index.bundler.mjs',
      'dist/credentials/index.d.mts',
      'dist/credentials/index.js',
      'dist/credentials/index.mjs',
      'dist/credentials/rds-iam.bundler.mjs',
      'dist/credentials/rds-iam.d.mts',
      'dist/credentials/rds-iam.js',
      'dist/credentials/rds-iam.mjs',
      'dist/credentials/secrets-extension.bundler.mjs',
      'dist/credentials/secrets-extension.d.mts',
      'dist/credentials/secrets-extension.js',
      'dist/credentials/secrets-extension.mjs',
      'dist/credentials/secrets-manager.bundler.mjs',
      'dist/credentials/secrets-manager.d.mts',
      'dist/credentials/secrets-manager.js',
      'dist/credentials/secrets-manager.mjs',
      'dist/goodbye.d.mts',
      'dist/goodbye.js',
      'dist/goodbye.mjs',
      'dist/handler.mjs',
      'dist/index.bundler.mjs',
      'dist/index.d.mts',
      'dist/index.js',
      'dist/index.mjs',
      'dist/lambda/faces/decorator.bundler.mjs',
      'dist/lambda/faces/decorator.d.mts',
      'dist/lambda/faces/decorator.js',
      'dist/lambda/faces/decorator.mjs',
      'dist/lambda/faces/middy.bundler.mjs',
      'dist/lambda/faces/middy.d.mts',
      'dist/lambda/faces/middy.js',
      'dist/lambda/faces/middy.mjs',
      'dist/local/beside.mjs',
      'dist/local/beside/nothing.js',
      'dist/local/beside/pg-thaw.js',
      'dist/local/index.js',
      'dist/local/page.html',
      'dist/local/preload.mjs',
      'dist/serverless/index.js',
      'dist/testing/index.d.mts',
      'dist/testing/index.js',
      'dist/testing/index.mjs',
      'dist/testing/runtime.js',
      'dist/third-party-licenses.txt',
      'dist/watch/emf.bundler.mjs',
      'dist/watch/emf.d.mts',
      'dist/watch/emf.js',
      'dist/watch/emf.mjs',
      'dist/watch/opentelemetry.bundler.mjs',
      'dist/watch/opentelemetry.d.mts',
      'dist/watch/opentelemetry.js',
      'dist/watch/opentelemetry.mjs',
    ])
  })

  it('has whatever its pages lead to', () => {
    const files = new Set(project.files())
    const links = pages().flatMap((page) => linksOf(page).map((link) => ({ link, from: page.path })))
    expect(links.length).toBeGreaterThan(100)
    const target = ({ link, from }: { link: string; from: string }) =>
      link.startsWith('#') ? from : join(dirname(from), link.replace(/#.*/, ''))
    expect(links.filter((it) => !files.has(target(it)))).toEqual([])
  })

  it('has no types of what it does not have', () => {
    const types = project.files().filter((path) => path.endsWith('.d.ts'))
    expect(types).toContain('dist/index.d.ts')
    expect(types).toContain('dist/testing/index.d.ts')
    expect(
      types.filter(
        (path) =>
          !/^dist\/(index|goodbye|(credentials|lambda|pool|postgres|registry|serverless|testing|watch)\/.+)\.d\.ts$/.test(
            path,
          ),
      ),
    ).toEqual([])
  })

  it('has the licences of what became part of it: the signer of the AWS SDK, and the readers of CSV, of zips and of YAML', () => {
    const path = join(project.directory, 'node_modules', 'pg-thaw', 'dist')
    const licences = readFileSync(join(path, 'third-party-licenses.txt'), 'utf8')
    expect(licences.match(/^@?[a-z/0-9-]+ \d\S+ \(.+\)$/gm)).toEqual([
      expect.stringMatching(/^@smithy\/core .* \(Apache-2\.0\)$/),
      expect.stringMatching(/^@smithy\/signature-v4 .* \(Apache-2\.0\)$/),
      expect.stringMatching(/^adm-zip .* \(MIT\)$/),
      expect.stringMatching(/^csv-parse .* \(MIT\)$/),
      expect.stringMatching(/^yaml .* \(ISC\)$/),
    ])
    expect(licences.match(/^ *Apache License$/gm)).toHaveLength(2)
    const isSigning = (name: string) => readFileSync(join(path, name), 'utf8').includes('AWS4-HMAC-SHA256')
    const files = project.files().flatMap((name) => /^dist\/(.+\.m?js)$/.exec(name)?.[1] ?? [])
    const signing = files.filter(isSigning)
    expect(signing).toContain('credentials/rds-iam.js')
    // Whoever bundles these passes the notice on.
    for (const name of signing) {
      expect(readFileSync(join(path, name), 'utf8')).toMatch(
        /^\/\*! Contains @smithy\/signature-v4 .*third-party-licenses\.txt/m,
      )
    }
  })

  it('tells nothing of the machine that built it', () => {
    const leaks = project.files().filter((path) => {
      const text = readFileSync(join(project.directory, 'node_modules', 'pg-thaw', path), 'utf8')
      return text.includes(process.cwd()) || /sourceMappingURL|\/node_modules\//.test(text)
    })
    expect(leaks).toEqual([])
  })

  it('needs nothing but pg at run time, and its types where there is TypeScript', () => {
    const manifest: unknown = JSON.parse(
      readFileSync(join(project.directory, 'node_modules/pg-thaw/package.json'), 'utf8'),
    )
    expect(manifest).not.toHaveProperty('dependencies')
    expect(manifest).not.toHaveProperty('optionalDependencies')
    expect(manifest).toMatchObject({
      peerDependencies: { pg: '^8.19.0', '@types/pg': '^8.15.1' },
      peerDependenciesMeta: { '@types/pg': { optional: true } },
    })
  })
})
