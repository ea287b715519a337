import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { installPackage, type Project } from '../package/support/project'
import type { CompiledTemplate } from '../serverless/support/compiled-template'
import { checkProperties } from '../serverless/support/specification'
import { linksOf, readPage } from './support/pages'
import { databaseRecipes, examples, toolRecipes } from './support/recipes'

/** What a page quotes of an example: what stands behind the name of its file. */
function quotationsIn(text: string): { file: string; code: string }[] {
  const found = text.matchAll(/^`([^`]+)`:\n\n```\w+\n([\s\S]*?)\n```$/gm)
  return [...found].map(([, file = '', code = '']) => ({ file, code }))
}

describe.each(examples)('the recipe of %s', (example) => {
  const page = readPage(join('docs', 'recipes', `${example}.md`))
  const quotations = quotationsIn(page.text)
  const inExample = (file: string) => readFileSync(join('examples', example, file), 'utf8').trimEnd()

  it('quotes the files of the example as they are', () => {
    expect(quotations.map(({ file }) => file)).toContain('src/pool.ts')
    expect(quotations).toEqual(quotations.map(({ file }) => ({ file, code: inExample(file) })))
  })

  it('has the whole configuration of the tool, and how it builds', () => {
    const all = readdirSync(join('examples', example), { recursive: true, encoding: 'utf8', withFileTypes: true })
    const files = all.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name))
    const told = quotations.map(({ file }) => join('examples', example, file))
    // What is the same in any project, or in all of these, or was made in one.
    const untold =
      /\/node_modules\/|\/dist\/|\/(\.gitignore|package\.json|tsconfig\.json|schema\.sql|src\/orders\.ts|bin\/orders\.ts)$/
    expect(files.filter((file) => !told.includes(file) && !untold.test(file))).toEqual([])
  })

  it('has the same service as all the others', () => {
    expect(inExample('src/orders.ts')).toBe(readFileSync('examples/sam/src/orders.ts', 'utf8').trimEnd())
    for (const { file, code } of quotations.filter(({ file }) => file === 'build.mjs'))
      expect(code).toBe(readFileSync(join('examples', 'sam', file), 'utf8').trimEnd())
  })

  it('keeps out of the repository what its commands leave, as there may be secrets in it', () => {
    const left = [...page.text.matchAll(/(?:> |-out[= ]|^zip .*?)(\w+\.(?:json|out|zip))/gm)].map(
      ([, file = '']) => file,
    )
    const ignored = inExample('.gitignore').split('\n')
    expect(ignored).toEqual(expect.arrayContaining(['node_modules/', ...left]))
  })

  it('says what is tested, and what is not', () => {
    expect(page.headings).toContain('What is tested')
    expect(page.text.slice(page.text.indexOf('## What is tested'))).toContain('Not run here:')
  })

  it('leads to the own pages of what it puts together', () => {
    const pages = new Set(linksOf(page).map((link) => link.split('#')[0]))
    for (const name of ['goodbye', 'credentials', 'budget', 'testing', 'freeze'])
      expect(pages).toContain(`../${name}.md`)
  })
})

/** Prints what Node.js would warn of. */
const listening = "data:text/javascript,process.on('warning', ({ message }) => console.log(message))"

let project: Project

beforeAll(async () => {
  project = await installPackage()
})
afterAll(() => project?.[Symbol.dispose]())

describe.each(databaseRecipes)('%s', (path) => {
  const page = readPage(path)
  const pools = page.blocks.filter(({ language }) => language === 'ts')
  const env = Object.fromEntries(
    page.blocks
      .filter(({ language }) => language === 'ini')
      .flatMap(({ code }) => code.split('\n').map((line) => /^(\w+)=(.*)$/.exec(line)?.slice(1) ?? [])),
  )

  it.each(pools.map(({ at, code }) => [at, code]))('%s makes a pool on Lambda, without a warning', async (at, code) => {
    const asked = `${code}\nconsole.log(pool.stats().max)`
    const { code: compiled } = await transform(asked, { loader: 'ts', format: 'esm' })
    const program = project.write(`${at.replaceAll(/\W+/g, '-')}.mjs`, compiled)
    const url = 'postgresql://orders_app:secret@db.example.com/orders'
    const printed = await project.node(['--import', listening, program], {
      DATABASE_URL_UNPOOLED: url,
      SESSION_URL: url,
      ...env,
      AWS_LAMBDA_FUNCTION_NAME: 'orders',
      AWS_REGION: 'eu-west-1',
      PG_THAW_MAX: '1',
    })
    expect(printed).toBe('1')
  })

  it('gives a reason for each value', () => {
    expect(pools.length).toBeGreaterThan(0)
    const reasons = page.headings.filter((heading) => heading.startsWith('Why'))
    expect(reasons.length).toBeGreaterThan(0)
    const told = page.text.slice(page.text.indexOf('## Why'))
    const [, options = ''] = /createPool\(\{\n([\s\S]*?)\n\}\)/.exec(pools[0]?.code ?? '') ?? []
    const names = [...options.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name)
    const address = ['connectionString', 'host', 'database', 'credentials', 'ssl']
    for (const name of names.filter((it) => !address.includes(it))) expect(told).toContain(`\`${name}`)
    expect(told).toContain('`PG_THAW_MAX=1`')
  })

  it('has resources that AWS’s own specification allows', () => {
    const resources = page.blocks.filter(({ language }) => language === 'yaml')
    for (const { code } of resources) expect(checkProperties(templateOf(code))).toEqual([])
  })
})

it('examples/ leads to the recipe of each', () => {
  const linked = linksOf(readPage(join('examples', 'README.md')))
  expect(linked.map((link) => join('examples', link)).sort()).toEqual(toolRecipes)
})

it('there is a recipe for each example, and one for each database', () => {
  expect(toolRecipes.length).toBe(5)
  expect(databaseRecipes.length).toBe(4)
})

function templateOf(resources: string): CompiledTemplate {
  const customTags = [
    { tag: '!Ref', resolve: (Ref: string) => ({ Ref }) },
    { tag: '!GetAtt', resolve: (path: string) => ({ 'Fn::GetAtt': path.split('.') }) },
  ]
  return { Resources: parse(resources, { customTags }) }
}
