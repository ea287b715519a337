import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { linksOf, pages, proseOf, readPage } from './support/pages'

const all = pages()

/** As GitHub makes the name of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

describe('links of the docs', () => {
  it.each(all.map((page) => [page.path, page] as const))('of %s lead somewhere', (_, page) => {
    for (const link of linksOf(page)) {
      const [file = '', anchor] = link.split('#')
      const path = file === '' ? page.path : join(dirname(page.path), file)
      expect(existsSync(path), `${page.path}: ${link}`).toBe(true)
      if (anchor !== undefined) expect(readPage(path).headings.map(anchorOf), `${page.path}: ${link}`).toContain(anchor)
    }
  })

  const recipes = all.map(({ path }) => path).filter((path) => path.startsWith('docs/recipes/'))

  it('lead from the README to every page, but the recipes', () => {
    const [readme, ...others] = all
    const linked = readme === undefined ? [] : linksOf(readme)
    const expected = others.map(({ path }) => relative('.', path)).filter((path) => !recipes.includes(path))
    expect(linked).toEqual(expect.arrayContaining(expected))
  })

  it('lead to the recipes of tools from deploying, to those of databases from choosing', () => {
    const linked = ['docs/deploying.md', 'docs/choosing.md'].flatMap((page) => linksOf(readPage(page)))
    expect(linked).toEqual(expect.arrayContaining(recipes.map((path) => relative('docs', path))))
  })

  it('to elsewhere are encrypted', () => {
    for (const page of all) expect(proseOf(page)).not.toMatch(/\]\(http:/)
  })
})
