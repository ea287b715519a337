import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { consumer, moved, movedByDefault } from '../package/support/consumers'
import { describeUnless } from '../support/requirements'
import { type Compilation, Compiler } from './support/compilers'
import { noRegistry } from './support/registry'
import { shell } from './support/shell'

const { exports, peerDependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
const entries = Object.keys(exports).filter((it) => it !== './package.json')

/** The oldest that docs/reference.md names; those in between in which something was taken away; the newest. */
const compilers = ['5.4', '5.9', '6.0', 'latest']
/** The least that is taken for a peer, and what the tests elsewhere work with. */
const typesOfPg = [peerDependencies['@types/pg'].replace('^', ''), devDependencies['@types/pg']]

const resolutions = [
  { module: 'commonjs', moduleResolution: 'node10' },
  { module: 'node16', moduleResolution: 'node16' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
]

/** All entries but the plugin, which is one class, as CommonJS has it. */
const allEntries = entries
  .filter((it) => it !== './serverless')
  .map((it, index) => `import * as entry${index} from '${it.replace('.', 'pg-thaw')}'\nexport { entry${index} }\n`)
  .join('')

const sources = {
  consumer,
  moved,
  'moved-default': movedByDefault.replace(', BigInt', ', Number'),
  entries: allEntries,
}
const plugin = "import Plugin = require('pg-thaw/serverless')\nexport const name: string = Plugin.name\n"

describeUnless(noRegistry, 'the types of the packed package', () => {
  const projects: string[] = []

  beforeAll(async () => {
    const base = await mkProject()
    const tarball = (await shell(`npm pack --silent --ignore-scripts --pack-destination ${base}`)).stdout.trim()
    for (const version of typesOfPg) projects.push(await install(join(base, tarball), version))
  })
  afterAll(() => {
    for (const directory of made) rmSync(directory, { recursive: true, force: true })
  })

  it.each(compilers)('are right for TypeScript %s, with the oldest and the newest types of pg', async (wanted) => {
    const compiler = await Compiler.install(wanted)
    const turn = compilers.indexOf(wanted)
    const compilations = compilationsFor(compiler.major, turn)
    expect(compilations.length).toBeGreaterThan(5)
    const faults = []
    const strangers = new Set<string>()
    for (const [index, project] of projects.entries()) {
      const own = compilations.filter(({ row }) => (row + turn) % 2 === index)
      for (const complaint of await compiler.compile(project, own)) {
        // Errors within others' declarations are theirs.
        if (/^node_modules\/(?!pg-thaw\/)/.test(complaint.file)) strangers.add(complaint.file)
        else faults.push(complaint)
      }
    }
    if (strangers.size > 0)
      process.stderr.write(`TypeScript ${compiler.version} on others: ${[...strangers].join(', ')}\n`)
    expect(faults, `TypeScript ${compiler.version}`).toEqual([])
  })

  it('are what the compiler looks at: a slip is found, in each of the ways to resolve modules', async () => {
    const compiler = await Compiler.install('6.0')
    const [project = ''] = projects
    const slip = "import { createPool } from 'pg-thaw'\ncreatePool({ maximum: 1 })\n"
    for (const extension of ['ts', 'mts', 'cts']) writeFileSync(join(project, `slip.${extension}`), slip)
    const all = resolutions.map((_, row) => {
      const { name, compilerOptions, files } = compilation(row, { esModuleInterop: true, skipLibCheck: true }, 6)
      return { name, compilerOptions, files: [...new Set(files.map((file) => file.replace(/^.*\./, 'slip.')))] }
    })
    const found = await compiler.compile(project, all)
    const slips = found.filter(({ file }) => file.startsWith('slip.')).map(({ name, file }) => `${name} ${file}`)
    expect(slips.sort()).toEqual(all.flatMap(({ name, files }) => files.map((file) => `${name} ${file}`)).sort())
  })
})

const made: string[] = []

async function mkProject(): Promise<string> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pg-thaw-types-')))
  made.push(directory)
  return directory
}

/** A project with the packed package, and nothing but what its users have. */
async function install(tarball: string, typesOfPg: string): Promise<string> {
  const project = await mkProject()
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  const beside = ['@types/node', '@opentelemetry/api'].map((name) => `${name}@${devDependencies[name]}`)
  const pg = `pg@${devDependencies.pg}`
  const quietly = '--ignore-scripts --no-audit --no-fund --prefer-offline'
  await shell(`npm install ${quietly} ${tarball} ${pg} @types/pg@${typesOfPg} ${beside.join(' ')}`, {}, project)
  for (const [name, text] of Object.entries(sources)) {
    for (const extension of ['ts', 'mts', 'cts']) writeFileSync(join(project, `${name}.${extension}`), text)
  }
  for (const extension of ['ts', 'cts']) writeFileSync(join(project, `plugin.${extension}`), plugin)
  return project
}

interface InMatrix extends Compilation {
  /** Which way to resolve modules. */
  readonly row: number
}

interface Flags {
  readonly esModuleInterop: boolean
  readonly skipLibCheck: boolean
}

/**
 * Each way to resolve modules with and without `esModuleInterop` and `skipLibCheck`, as far as this version has it. Versions and ways take
 * turns, so that any two values of different kinds meet; without `skipLibCheck` all is looked at that is looked at with it.
 */
function compilationsFor(major: number, turn: number): InMatrix[] {
  return resolutions.flatMap(({ moduleResolution }, row) => {
    if (major < 7) {
      return [false, true].map((esModuleInterop) => {
        const skipLibCheck = (row + turn + Number(esModuleInterop)) % 2 === 1
        return compilation(row, { esModuleInterop, skipLibCheck }, major)
      })
    }
    // From 7 on there is no way without.
    const esModuleInterop = true
    if (moduleResolution === 'node10') return []
    return [false, true].map((skipLibCheck) => compilation(row, { esModuleInterop, skipLibCheck }, major))
  })
}

function compilation(row: number, flags: Flags, major: number): InMatrix {
  const { moduleResolution, module } = resolutions[row] ?? {}
  const isOld = moduleResolution === 'node10'
  const hasKinds = module === moduleResolution
  const language = isOld ? 'es2019' : 'es2022'
  const extensions = hasKinds ? ['mts', 'cts'] : ['ts']
  const plugins = hasKinds ? ['plugin.cts'] : isOld ? ['plugin.ts'] : []
  return {
    name: [moduleResolution, flags.esModuleInterop && 'interop', flags.skipLibCheck && 'skip']
      .filter(Boolean)
      .join('-'),
    row,
    compilerOptions: {
      module,
      moduleResolution,
      ...flags,
      ...(major === 6 ? { ignoreDeprecations: '6.0' } : {}),
      target: language,
      lib: [language],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noImplicitOverride: true,
      noEmit: true,
    },
    files: [...extensions.flatMap((it) => Object.keys(sources).map((name) => `${name}.${it}`)), ...plugins],
  }
}
