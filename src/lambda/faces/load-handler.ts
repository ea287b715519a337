import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type AnyHandler, wrapHandler } from '../wrap-handler.js'

const VARIABLE = 'PG_THAW_HANDLER'

/** In the order in which Lambda's runtime looks for them. */
const EXTENSIONS = ['.js', '.mjs', '.cjs']

/** `PG_THAW_HANDLER` leads to no handler: what was looked for, and where. */
export class HandlerError extends Error {
  // Literal: a minifier takes the name of the class away. Lambda shows it as the error's type.
  override readonly name: string = 'HandlerError'
  readonly code = VARIABLE
}

/**
 * The handler that `PG_THAW_HANDLER` names, wrapped: written as Lambda's own setting is (`src/orders.handler`, from the function's
 * folder), found and loaded as Lambda does it.
 *
 * @throws {HandlerError} when the variable is missing, or names no file or no function.
 * @throws what the module itself throws.
 */
export async function loadHandler(env: Readonly<Record<string, string | undefined>>): Promise<AnyHandler> {
  const named = env[VARIABLE]
  const root = env.LAMBDA_TASK_ROOT ?? process.cwd()
  const [, stem, exported] = /^([^.]+)\.(.+)$/.exec(basename(named ?? '')) ?? []
  if (named === undefined || stem === undefined || exported === undefined) {
    throw failure(named, 'expected the path of a module and the name of its function, such as `src/orders.handler`')
  }
  const path = resolve(root, dirname(named), stem)
  const file = EXTENSIONS.map((it) => path + it).find((it) => existsSync(it))
  if (file === undefined) throw failure(named, `found no ${path} with ${EXTENSIONS.join(', ')}`)
  const module: unknown = isEsModule(file) ? await import(pathToFileURL(file).href) : createRequire(file)(file)
  const handler = exported.split('.').reduce<unknown>((within, key) => Object(within)[key], module)
  if (typeof handler === 'function') return wrapHandler(handler as AnyHandler)
  const names = Object.keys(Object(module)).join(', ') || 'nothing'
  throw failure(named, `found no function \`${exported}\` in ${file}, which exports ${names}`)
}

function failure(named: string | undefined, what: string): HandlerError {
  return new HandlerError(`${VARIABLE} is ${named === undefined ? 'missing' : `\`${named}\``}: ${what}`)
}

/** As Node.js tells them apart. */
function isEsModule(file: string): boolean {
  return extname(file) === '.mjs' || (extname(file) === '.js' && packageTypeOf(dirname(file)) === 'module')
}

/** What the nearest package.json says. */
function packageTypeOf(folder: string): unknown {
  const file = join(folder, 'package.json')
  if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { type?: unknown }).type
  const above = dirname(folder)
  return above === folder || basename(folder) === 'node_modules' ? undefined : packageTypeOf(above)
}
