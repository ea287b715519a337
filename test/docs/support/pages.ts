import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A fenced block of a page. */
export interface Block {
  readonly language: string
  readonly code: string
  /** Where it begins, such as `docs/sizing.md:41`. */
  readonly at: string
  /** The heading that it stands under. */
  readonly heading: string
}

/** A page that users read. */
export interface Page {
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
  readonly headings: readonly string[]
}

/** README.md, the others beside it, and all of docs/, recipes included. */
export function pages(): Page[] {
  const docs = readdirSync('docs', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
  const beside = ['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md']
  return ['README.md', ...beside, ...docs.sort().map((name) => join('docs', name))].map(readPage)
}

export function readPage(path: string): Page {
  const text = readFileSync(path, 'utf8')
  const blocks: Block[] = []
  const headings: string[] = []
  let open: { language: string; line: number; lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (open === undefined) {
      if (line.startsWith('```')) open = { language: line.slice(3).trim(), line: index + 1, lines: [] }
      else if (/^#+ /.test(line)) headings.push(line.replace(/^#+ /, ''))
    } else if (line === '```') {
      const { language, lines } = open
      blocks.push({ language, code: lines.join('\n'), at: `${path}:${open.line}`, heading: headings.at(-1) ?? '' })
      open = undefined
    } else open.lines.push(line)
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: the block is not closed`)
  return { path, text, blocks, headings }
}

/** A page without its fenced blocks. */
export function proseOf({ text }: Page): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '')
}

/** The targets of all links of a page, pictures included, but those to elsewhere. */
export function linksOf(page: Page): string[] {
  const targets = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return targets.filter((target) => !target.startsWith('https://'))
}

const PROGRAMS = /^(npm|npx|node|serverless|sls|osls|cp|curl|docker|psql|openssl) /

/** Every command that a page tells its reader to run: in `sh` blocks, after the `$` of `console` blocks, and in the text. */
export function commandsOf(page: Page): string[] {
  const shell = page.blocks.filter(({ language }) => ['sh', 'bash', 'shell'].includes(language))
  const sessions = page.blocks.filter(({ language }) => language === 'console')
  const lines = [
    ...shell.flatMap(({ code }) => code.replaceAll(/ *\\\n */g, ' ').split('\n')),
    ...sessions.flatMap(({ code }) => [...code.matchAll(/^\$ (.*)$/gm)].map(([, line = '']) => line)),
    ...[...proseOf(page).matchAll(/`([^`\n]+)`/g)].flatMap(([, span = '']) => (PROGRAMS.test(span) ? [span] : [])),
  ]
  return lines
    .map((line) => line.replace(/ +# .*$/, '').trim())
    .flatMap((line) => line.split(' && '))
    .filter((line) => line !== '' && !line.startsWith('#'))
}
