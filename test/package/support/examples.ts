import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A piece of TypeScript that the documentation shows. */
export interface Example {
  /** Where it stands, such as `README.md:38`. */
  readonly at: string
  readonly code: string
}

/** All ```ts blocks of a Markdown file. */
export function examplesIn(markdown: string): Example[] {
  const text = readFileSync(markdown, 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => example(markdown, text, match))
}

/** All @example blocks of the TSDoc comments below a folder. What they use of `names` is imported for them. */
export function examplesBelow(folder: string, names: readonly string[]): Example[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return files.flatMap((file) => {
    const path = join(folder, file)
    const text = readFileSync(path, 'utf8')
    const blocks = text.matchAll(/^ *\* @example\n *\* ```ts\n(.*?)^ *\* ```$/gms)
    return [...blocks].map((match) => {
      const { at, code } = example(path, text, match)
      return { at, code: withImports(code.replace(/^ *\* ?/gm, ''), names) }
    })
  })
}

function example(path: string, text: string, { index = 0, 1: code = '' }: RegExpMatchArray): Example {
  return { at: `${path}:${text.slice(0, index).split('\n').length}`, code }
}

function withImports(code: string, names: readonly string[]): string {
  const used = names.filter((name) => new RegExp(`\\b${name}\\b`).test(code))
  return `import { ${used.join(', ')} } from 'pg-thaw'\n${code}`
}
