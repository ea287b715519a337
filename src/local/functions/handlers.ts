import { existsSync, statSync } from 'node:fs'
import { basename, dirname, extname, resolve } from 'node:path'
import { Refusal } from '../refusal.js'

/** A handler to be watched. */
export interface Handler {
  readonly name: string
  /** Absolute path of its module. */
  readonly module: string
  readonly exportName: string
}

/** As Lambda's runtime looks for a module, and then those that it would not load. */
const EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']
const TYPESCRIPT = /\.[mc]?ts$/
/** What Lambda allows in the name of a function. */
const NAME = /^[\w-]{1,64}$/

/**
 * Finds the modules of handlers, each `[NAME=]path/to/module.export` as in a function's configuration; the module's extension may be there.
 *
 * @param preloads Whether something is preloaded that may load TypeScript.
 * @throws Refusal for what is no handler, or has no module.
 */
export function findHandlers(specifications: readonly string[], preloads: boolean): Handler[] {
  if (specifications.length === 0) throw new Refusal('Which handler? Expected one such as dist/orders.handler')
  const found = specifications.map((specification) => find(specification, preloads))
  const isAlone = ({ name }: Handler) => found.filter((it) => it.name === name).length === 1
  // Many functions have an index.js each, in a folder of their own.
  const handlers = found.map((it) => (isAlone(it) || it.isNamed ? it : { ...it, name: basename(dirname(it.module)) }))
  const [twice] = handlers.filter(({ name }, place) => handlers.findIndex((it) => it.name === name) !== place)
  if (twice !== undefined) {
    throw new Refusal(`Two handlers are called ${twice.name}: give one a name, as in other=path/to/module.handler`)
  }
  return handlers.map(({ name, module, exportName }) => ({ name, module, exportName }))
}

function find(specification: string, preloads: boolean): Handler & { readonly isNamed: boolean } {
  const [, given, rest = specification] = /^([^=/\\]+)=(.+)$/.exec(specification) ?? []
  const { module, exportName } = locate(rest)
  if (TYPESCRIPT.test(module) && !preloads) {
    throw new Refusal(
      `${rest} is TypeScript, which Lambda does not run: name what was built of it, or add --import tsx (npm install --save-dev tsx)`,
    )
  }
  const stem = basename(module, extname(module))
  const name = given ?? (exportName === 'handler' ? stem : `${stem}-${exportName}`)
  if (!NAME.test(name)) throw new Refusal(`Expected a name of letters, digits, - and _ for ${rest}, as in name=${rest}`)
  return { name, module, exportName, isNamed: given !== undefined }
}

function locate(text: string): Pick<Handler, 'module' | 'exportName'> {
  const path = resolve(text)
  if (isFile(path)) return { module: path, exportName: 'handler' }
  const dot = path.lastIndexOf('.')
  const [stem, exportName] = dot > path.lastIndexOf('/') ? [path.slice(0, dot), path.slice(dot + 1)] : [path, 'handler']
  const module = [stem, ...EXTENSIONS.map((extension) => stem + extension)].find(isFile)
  if (module !== undefined && exportName !== '') return { module, exportName }
  const kinds = EXTENSIONS.slice(0, 3).join(', ')
  const hint = existsSync(path) ? `${text} is a folder` : `there is no ${stem} with ${kinds}`
  throw new Refusal(`No module for ${text}: ${hint}. Expected path/to/module.export, as in dist/orders.handler`)
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}
