import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import AdmZip from 'adm-zip'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FunctionConfiguration, Serverless } from '../../src/serverless/framework'
import { type DeployedFunction, readDeployed } from '../../src/serverless/packaging/deployed'
import { contentOf, GOODBYE, WRAPPER } from '../../src/serverless/packaging/own-file'
import { Packaging } from '../../src/serverless/packaging/packaging'
import { readEntries, readZip } from './support/archive'

// The files themselves are in dist/, beside the plugin that is built there.
vi.mock(import('../../src/serverless/packaging/own-file'), async (original) => ({
  ...(await original()),
  contentOf: ({ name }) => Buffer.from(`// ${name}\n`),
}))

const file = 'serverless.yml'
const goodbye = '.pg-thaw/goodbye.mjs'
const preload = '--import=/var/task/.pg-thaw/goodbye.mjs'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pg-thaw-packaging-'))
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(directory, { recursive: true, force: true })
})

type Service = Partial<Serverless['service']>

/** A service as the plugin meets it, of which each function opens sessions. */
function serviceOf({ provider, ...service }: Service, defaultRuntime = 'nodejs24.x') {
  const whole = { provider: { ...provider }, functions: {}, ...service }
  const serverless = {
    serviceDir: directory,
    service: whole,
    getProvider: () => ({
      naming: { getFunctionArtifactName: (name: string) => `${name}.zip` },
      getRuntime: (own: unknown) => own ?? whole.provider.runtime ?? defaultRuntime,
    }),
  } as unknown as Serverless
  const packaging = new Packaging(serverless, file)
  const packaged = (asked: { goodbye?: boolean; wrap?: boolean } = {}) =>
    Object.entries(whole.functions).map(([name, configuration]) => ({
      name,
      configuration,
      goodbye: true,
      wrap: false,
      ...asked,
    }))
  return { serverless, packaging, packaged }
}

/** A zip with a program, a link and a folder, of different modes, of which one is not compressed. */
function zip(name: string, more: Readonly<Record<string, string>> = {}): string {
  const made = new AdmZip({ noSort: true })
  made.addFile('run.sh', Buffer.from('#!/bin/sh\n'.repeat(100)), '', 0o755)
  made.addFile('private.js', Buffer.from('exports.handler = 1\n'.repeat(100)), '', 0o600)
  made.addFile('a-link', Buffer.from('private.js'), '', 0o777).attr = (0o120777 << 16) >>> 0
  made.addFile('folder/', Buffer.alloc(0), '', 0o755)
  made.addFile('folder/é.txt', Buffer.from('é'))
  for (const [path, text] of Object.entries(more)) made.addFile(path, Buffer.from(text))
  for (const { header } of made.getEntries()) header.made = 0x0314
  made.writeZip(join(directory, name))
  return name
}

describe('a finished zip', () => {
  it('gets the goodbye, and the function loads it from there, beside its own options', () => {
    const api: FunctionConfiguration = {
      handler: 'api.handler',
      environment: { NODE_OPTIONS: '--enable-source-maps', LEVEL: 'info' },
      package: { artifact: zip('api.zip') },
    }
    const { packaging, packaged } = serviceOf({ functions: { api } })
    expect(packaging.complete(packaged())).toBeUndefined()
    expect(readZip(join(directory, 'api.zip')).get(goodbye)).toEqual(contentOf(GOODBYE))
    expect(api.environment).toEqual({ NODE_OPTIONS: `--enable-source-maps ${preload}`, LEVEL: 'info' })
  })

  it('keeps what is in it as it is: order, modes, links and compressed bytes', () => {
    const path = join(directory, zip('api.zip'))
    const before = [...readEntries(path)]
    expect(before.map(([name, { mode }]) => [name, mode.toString(8)])).toEqual([
      ['run.sh', '100755'],
      ['private.js', '100600'],
      ['a-link', '120777'],
      ['folder/', '40755'],
      ['folder/é.txt', '100644'],
    ])
    const { packaging, packaged } = serviceOf({ functions: { api: { package: { artifact: 'api.zip' } } } })
    packaging.complete(packaged())
    const after = [...readEntries(path)]
    expect(after.slice(0, -1)).toEqual(before)
    expect(after.at(-1)).toMatchObject([goodbye, { mode: 0o100644 }])
  })

  it('is the same byte for byte whenever that is done, and not written again where it has all', () => {
    const bytes = ['2001-01-01', '2031-12-31'].map((date) => {
      vi.useFakeTimers({ now: new Date('2026-01-01') })
      const path = join(directory, zip('api.zip'))
      vi.setSystemTime(new Date(date))
      const { packaging, packaged } = serviceOf({ functions: { api: { package: { artifact: 'api.zip' } } } })
      packaging.complete(packaged())
      utimesSync(path, 1, 1)
      packaging.complete(packaged())
      expect(statSync(path).mtimeMs).toBe(1000)
      return readFileSync(path).toString('base64')
    })
    expect(bytes[0]).toBe(bytes[1])
  })

  it('gets the newest of what somebody packaged there before', () => {
    const path = join(directory, zip('api.zip', { [goodbye]: 'an old one' }))
    const { packaging, packaged } = serviceOf({ functions: { api: { package: { artifact: 'api.zip' } } } })
    packaging.complete(packaged())
    expect(readZip(path).get(goodbye)).toEqual(contentOf(GOODBYE))
    expect([...readEntries(path).keys()].filter((name) => name === goodbye)).toEqual([goodbye])
  })

  it('of several functions is changed for all that need it, however its path is written', () => {
    const functions: Record<string, FunctionConfiguration> = {
      one: {},
      other: { package: { artifact: join(directory, 'all.zip') } },
      plain: { package: { artifact: './all.zip' } },
    }
    const service = { functions, package: { artifact: zip('all.zip') } }
    const { packaging, packaged } = serviceOf(service)
    const asked = packaged().map((it) => ({ ...it, goodbye: it.name !== 'plain', wrap: it.name === 'other' }))
    expect(packaging.complete(asked)).toBeUndefined()
    expect([...readEntries(join(directory, 'all.zip')).keys()].slice(5)).toEqual([goodbye, '.pg-thaw/handler.mjs'])
    expect(Object.values(functions).map(({ environment }) => environment?.NODE_OPTIONS)).toEqual([
      preload,
      preload,
      undefined,
    ])
  })

  it('of a function that is to get nothing is not touched, nor looked for', () => {
    const api: FunctionConfiguration = { package: { artifact: 'absent.zip' } }
    const { packaging, packaged } = serviceOf({ functions: { api } })
    expect(packaging.complete(packaged({ goodbye: false }))).toBeUndefined()
    expect(api).toEqual({ package: { artifact: 'absent.zip' } })
  })
})

describe('a function that nothing can be put in', () => {
  it('does not load the goodbye, and one line names it, and why', () => {
    writeFileSync(join(directory, 'broken.zip'), 'PK and nothing more')
    const functions: Record<string, FunctionConfiguration> = {
      image: { image: 'repository:tag' },
      otherImage: { image: { name: 'other' } },
      old: { runtime: 'nodejs16.x', package: { artifact: zip('old.zip') } },
      broken: { package: { artifact: 'broken.zip' } },
      absent: { package: { artifact: 's3://bucket/absent.zip' } },
      none: {},
      api: { package: { artifact: zip('api.zip') } },
      eighteen: { runtime: 'nodejs18.x', package: { artifact: 'api.zip' } },
    }
    const { packaging, packaged } = serviceOf({ functions })
    expect(packaging.complete(packaged())).toBe(
      "pg-thaw: sessions end with their lease, not with the environment, in image, otherImage (nothing can be added to an image); old (nodejs16.x is older than --import); broken (broken.zip can't be read); absent (s3://bucket/absent.zip can't be read); none (no package is made). Preload pg-thaw/goodbye there yourself, or set custom.pgThaw.functions.<name>.goodbye to false.",
    )
    const loading = Object.keys(functions).filter((name) => functions[name]?.environment !== undefined)
    expect(loading).toEqual(['api', 'eighteen'])
    expect(readZip(join(directory, 'old.zip')).has(goodbye)).toBe(false)
  })

  it('is told by the runtime that its framework takes where nobody says one', () => {
    const functions = { api: { package: { artifact: zip('api.zip') } } }
    const { packaging, packaged } = serviceOf({ functions }, 'nodejs16.x')
    expect(packaging.complete(packaged())).toContain('api (nodejs16.x is older than --import)')
  })

  it('as it is of another language, gets nothing, and nothing is said', () => {
    const functions: Record<string, FunctionConfiguration> = {
      snake: { runtime: 'python3.13', package: { artifact: zip('snake.zip') } },
      own: { runtime: 'provided.al2023' },
      api: { package: { artifact: zip('api.zip') } },
    }
    const { packaging, packaged } = serviceOf({ functions })
    expect(packaging.complete(packaged({ wrap: true }))).toBeUndefined()
    expect(readZip(join(directory, 'snake.zip')).has(goodbye)).toBe(false)
    expect([functions.snake?.environment, functions.own?.environment]).toEqual([undefined, undefined])
    expect(functions.api?.environment).toMatchObject({ NODE_OPTIONS: preload })
  })

  it('can’t be wrapped, and each is refused by name in one run', () => {
    const functions: Record<string, FunctionConfiguration> = {
      image: { image: 'repository:tag' },
      old: { handler: 'old.handler', runtime: 'nodejs14.x' },
    }
    const { packaging, packaged } = serviceOf({ functions })
    const refused = (name: string, why: string) =>
      `serverless.yml: custom.pgThaw.functions.${name}.wrap: expected false, and \`wrapHandler\` in the code of functions.${name}, as ${why}, got true (boolean)`
    expect(() => packaging.check(packaged({ wrap: true }))).toThrow(
      `${refused('image', 'nothing can be added to an image')}\n${refused('old', 'nodejs14.x is older than --import')}`,
    )
    functions.image = { handler: 'a.handler', package: { artifact: 'absent.zip' } }
    functions.old = { handler: 'b.handler' }
    expect(() => packaging.complete(packaged({ wrap: true }))).toThrow(
      `${refused('image', "absent.zip can't be read")}\n${refused('old', 'no package is made')}`,
    )
    expect(functions.image?.handler).toBe('a.handler')
  })
})

describe('a ready package, which the user wrote down,', () => {
  it('stays as it is, and its function loads what it has', () => {
    const functions: Record<string, FunctionConfiguration> = {
      has: { handler: 'a.handler', package: { artifact: zip('has.zip', { [goodbye]: 'its own' }) } },
      lacks: { handler: 'b.handler', package: { artifact: zip('lacks.zip') } },
    }
    const bytes = () => ['has.zip', 'lacks.zip'].map((name) => readFileSync(join(directory, name)))
    const before = bytes()
    const { packaging, packaged } = serviceOf({ functions })
    packaging.noteReady()
    expect(packaging.complete(packaged())).toContain(
      'in lacks (lacks.zip is a ready package without .pg-thaw/goodbye.mjs).',
    )
    expect(bytes()).toEqual(before)
    expect(functions.has?.environment).toEqual({ NODE_OPTIONS: preload })
    expect(functions.lacks?.environment).toBeUndefined()
    expect(() => packaging.complete(packaged({ wrap: true }))).toThrow(
      'custom.pgThaw.functions.has.wrap: expected false, and `wrapHandler` in the code of functions.has, as has.zip is a ready package without .pg-thaw/handler.mjs, got true',
    )
  })

  it('of the whole service is one, too, but not what a builder names later', () => {
    const functions: Record<string, FunctionConfiguration> = { all: {}, own: {} }
    const { packaging, packaged } = serviceOf({ functions, package: { artifact: zip('all.zip') } })
    packaging.noteReady()
    functions.own = { package: { artifact: zip('own.zip') } }
    expect(packaging.complete(packaged())).toContain('in all (all.zip is a ready package')
    expect(functions.own.environment).toEqual({ NODE_OPTIONS: preload })
  })
})

describe('a wrapped handler', () => {
  it('is what bundlers see until the package is made, and then what Lambda loads', () => {
    const api: FunctionConfiguration = {
      handler: 'src/api.handler',
      environment: { LEVEL: 'info' },
      package: { artifact: zip('api.zip') },
    }
    const { packaging, packaged } = serviceOf({ functions: { api } })
    const asked = packaged({ goodbye: false, wrap: true })
    packaging.check(asked)
    expect(api.handler).toBe('src/api.handler')
    for (let time = 0; time < 2; time++) packaging.complete(asked)
    expect(api).toMatchObject({
      handler: '.pg-thaw/handler.handler',
      environment: { LEVEL: 'info', PG_THAW_HANDLER: 'src/api.handler' },
    })
    expect(readZip(join(directory, 'api.zip')).get('.pg-thaw/handler.mjs')).toEqual(contentOf(WRAPPER))
  })

  it.each<[string, FunctionConfiguration, Service]>([
    ['functions.api', { environment: { PG_THAW_HANDLER: 'x.y' } }, {}],
    ['provider', {}, { provider: { environment: { PG_THAW_HANDLER: 'x.y' } } }],
  ])('has its variable set by nobody else: %s', (owner, api, service) => {
    const { packaging, packaged } = serviceOf({ ...service, functions: { api } })
    expect(() => packaging.check(packaged({ wrap: true }))).toThrow(
      `serverless.yml: ${owner}.environment.PG_THAW_HANDLER: expected none, as custom.pgThaw.functions.api.wrap sets it, got "x.y" (string)`,
    )
  })
})

describe('options of Node.js that nothing can be appended to', () => {
  it.each<[string, FunctionConfiguration, Service]>([
    ['functions.api', { environment: { NODE_OPTIONS: { Ref: 'Options' } } }, {}],
    ['provider', {}, { provider: { environment: { NODE_OPTIONS: { Ref: 'Options' } } } }],
  ])('stop nothing, and are left as they are, with a line: %s', (_, own, service) => {
    const api = { ...own, handler: 'api.handler' }
    const { packaging, packaged } = serviceOf({ ...service, functions: { api }, package: { artifact: zip('all.zip') } })
    packaging.check(packaged())
    expect(packaging.complete(packaged({ wrap: true }))).toContain(
      'in api (NODE_OPTIONS there is no text that --import could be appended to).',
    )
    expect(api.environment?.NODE_OPTIONS).toEqual(own.environment?.NODE_OPTIONS)
    expect(api.handler).toBe('.pg-thaw/handler.handler')
  })
})

describe('a function of Lambda@Edge, whose variables the framework takes away,', () => {
  const service = () =>
    serviceOf({
      functions: {
        edge: { handler: 'edge.handler', events: [{ cloudFront: { eventType: 'viewer-request' } }] },
        api: { handler: 'api.handler', events: [{ httpApi: '*' }] },
      },
      package: { artifact: zip('all.zip') },
    })

  it('does without the goodbye', () => {
    const { packaging, packaged } = service()
    expect(packaging.complete(packaged())).toContain('in edge (Lambda@Edge has no variables).')
    expect(packaged().map(({ configuration }) => configuration.environment)).toEqual([
      undefined,
      { NODE_OPTIONS: preload },
    ])
  })

  it('is not wrapped, as the wrapper would not find its handler', () => {
    const { packaging, packaged } = service()
    expect(() => packaging.check(packaged({ wrap: true }))).toThrow(
      'serverless.yml: custom.pgThaw.functions.edge.wrap: expected false, and `wrapHandler` in the code of functions.edge, as Lambda@Edge has no variables',
    )
  })
})

describe('the deployment of one function alone', () => {
  const onLambda = (variables: object, Handler = 'api.handler', keepsCode = false): DeployedFunction => {
    const remoteFunctionData = { Configuration: { Handler, Environment: { Variables: variables } } }
    return readDeployed(serviceOf({ provider: { remoteFunctionData } }).serverless, keepsCode)
  }

  it('puts in what its settings on Lambda load: they change later than the code, or not at all', () => {
    const api: FunctionConfiguration = { handler: 'api.handler', package: { artifact: zip('api.zip') } }
    const { packaging, packaged } = serviceOf({ functions: { api } })
    const deployed = onLambda({ NODE_OPTIONS: preload }, '.pg-thaw/handler.handler')
    packaging.complete(packaged({ goodbye: false }), deployed)
    expect([...readZip(join(directory, 'api.zip')).keys()].slice(4)).toEqual([goodbye, '.pg-thaw/handler.mjs'])
    expect(api).toEqual({ handler: 'api.handler', package: { artifact: 'api.zip' } })
  })

  it('puts in what settings that a version before made load, from where they load it', () => {
    const { packaging, packaged } = serviceOf({ functions: { api: { package: { artifact: zip('api.zip') } } } })
    const old = '.serverless/pg-thaw/goodbye.mjs'
    packaging.complete(packaged(), onLambda({ NODE_OPTIONS: `--import=/var/task/${old} --no-warnings` }))
    expect([...readZip(join(directory, 'api.zip')).keys()].slice(4)).toEqual([old, goodbye])
  })

  it('wraps a handler only where the variable that leads to it is changed, too', () => {
    const made = (): FunctionConfiguration => ({
      handler: 'api.handler',
      environment: { TABLE: { Ref: 'Table' } },
      package: { artifact: zip('api.zip') },
    })
    const wrapped = serviceOf({ functions: { api: made() } })
    const asked = wrapped.packaged({ goodbye: false, wrap: true })
    wrapped.packaging.complete(asked, onLambda({}, '.pg-thaw/handler.handler'))
    expect(asked[0]?.configuration.handler).toBe('.pg-thaw/handler.handler')
    const plain = serviceOf({ functions: { api: made() } })
    expect(() => plain.packaging.complete(plain.packaged({ wrap: true }), onLambda({}))).toThrow(
      'as `deploy function` changes no variables where one refers to a resource: deploy the service once, got true',
    )
  })

  it('with --update-config has it load what its code on Lambda is known to have', () => {
    const made = () => ({ handler: 'api.handler', package: { artifact: zip('api.zip') } }) as FunctionConfiguration
    const having = made()
    const first = serviceOf({ functions: { api: having } })
    expect(first.packaging.complete(first.packaged(), onLambda({ NODE_OPTIONS: preload }, '', true))).toBeUndefined()
    expect(having.environment).toEqual({ NODE_OPTIONS: preload })
    const lacking = made()
    const second = serviceOf({ functions: { api: lacking } })
    expect(second.packaging.complete(second.packaged(), onLambda({}, 'api.handler', true))).toContain(
      'in api (--update-config leaves the code without .pg-thaw/goodbye.mjs).',
    )
    expect(lacking.environment).toBeUndefined()
    expect(readZip(join(directory, 'api.zip')).has(goodbye)).toBe(false)
  })
})
