import * as library from 'pg-thaw'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile } from './support/compile.js'
import { consumer, moved, movedByDefault } from './support/consumers.js'
import { type Example, examplesBelow, examplesIn } from './support/examples.js'
import { installPackage, type Project } from './support/project.js'

/** Compiling takes seconds, and more where other tests run beside it. */
const patience = { timeout: 60_000 }

let project: Project

beforeAll(async () => {
  project = await installPackage()
})
afterAll(() => project?.[Symbol.dispose]())

describe('the types of the installed package', patience, () => {
  it('serve a project that comes from pg, compiled for ES2019 as it always was, with nothing taken on trust', async () => {
    const old = { target: 'es2019', lib: ['es2019'], ignoreDeprecations: '6.0' }
    const named = project.write('moved.ts', moved)
    const byDefault = project.write('moved-default.ts', movedByDefault.replace(', BigInt', ', Number'))
    const node10 = { module: 'commonjs', moduleResolution: 'node10', ...old }
    expect(await compile(project, [named], { ...node10, esModuleInterop: false })).toBe('')
    expect(await compile(project, [named, byDefault], { ...node10, esModuleInterop: true })).toBe('')
  })

  it.each([
    { module: 'node16', moduleResolution: 'node16', extensions: ['cts', 'mts'] },
    { module: 'esnext', moduleResolution: 'bundler', extensions: ['ts'] },
  ])('serve $extensions modules with moduleResolution $moduleResolution', async ({ extensions, ...resolution }) => {
    const files = extensions.flatMap((extension) => [
      project.write(`moved.${extension}`, moved),
      project.write(`moved-default.${extension}`, movedByDefault),
      project.write(`consumer.${extension}`, consumer),
    ])
    expect(await compile(project, files, { ...resolution, esModuleInterop: true })).toBe('')
  })

  it('are found where package.json has no `exports` to the compiler, of each entry', async () => {
    const entries = [
      '',
      '/credentials',
      '/rds-iam',
      '/dsql',
      '/secrets-manager',
      '/secrets-extension',
      '/goodbye',
      '/testing',
    ]
    // In one compilation, which names the file of what it can't find.
    const files = entries.map((entry) =>
      project.write(
        `entry${entry.replace('/', '-')}.ts`,
        `import * as entry from 'pg-thaw${entry}'\nexport const all = entry\n`,
      ),
    )
    const resolution = { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0', skipLibCheck: true }
    expect(await compile(project, files, resolution)).toBe('')
  })

  it('serve every example of README.md, of the reference, of the page on credentials and of the doc comments', async () => {
    const pages = ['README.md', 'docs/reference.md', 'docs/credentials.md']
    const examples = [...pages.flatMap((it) => examplesIn(it)), ...examplesBelow('src', Object.keys(library))]
    expect(examples.map(({ at }) => at)).toEqual(
      expect.arrayContaining([...pages, 'src/'].map((it) => expect.stringContaining(it))),
    )
    project.link('@aws-sdk/credential-providers')
    const files = examples.map((it, index) => project.write(`example-${index}.mts`, it.code))
    const said = await compile(project, files, { module: 'node16', moduleResolution: 'node16' })
    expect(withPlaces(said, examples)).toBe('')
  })
})

/** Names the examples as the reader finds them. */
function withPlaces(said: string, examples: readonly Example[]): string {
  return said.replaceAll(/example-(\d+)\.mts/g, (name, index) => examples[Number(index)]?.at ?? name)
}
