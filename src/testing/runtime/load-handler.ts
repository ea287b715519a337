import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isStreaming, type StreamingMarks } from './awslambda.js'
import type { Context } from './context.js'

/** A handler of any kind: which, is seen from its marks, its length, and what it returns. */
export type Handler = ((event: unknown, context: unknown, callback?: unknown) => unknown) & StreamingMarks

/** A callback handler's callback. */
export type Callback = (error?: unknown, response?: unknown) => void

/** How a buffered handler is called. */
export type BufferedHandler = (event: unknown, context: Context, callback: Callback) => unknown

/** The first major version whose runtime takes no callbacks. */
export const majorWithoutCallbacks = 24

/**
 * Loads the module as AWS's runtime does, an ES module asynchronously and CommonJS at once, and finds its handler. Where calls overlap,
 * the runtime is the one that takes no callbacks, whatever the version of Node.js.
 * @throws What the module throws, or an error whose name is the one of AWS's runtime.
 */
export async function loadHandler(path: string, exportName: string, overlaps = false): Promise<Handler> {
  const exported = isEsModule(path) ? await importEsModule(path) : requireCommonJs(path)
  const handler = (exported as Record<string, unknown>)[exportName]
  if (handler === undefined) {
    throw named('Runtime.HandlerNotFound', `${path}: ${exportName} is undefined or not exported`)
  }
  if (typeof handler !== 'function') throw named('Runtime.HandlerNotFound', `${path}: ${exportName} is not a function`)
  if (overlaps || Number.parseInt(process.versions.node, 10) >= majorWithoutCallbacks) {
    if (handler.length >= 3 && !isStreaming(handler as Handler)) {
      throw named('Runtime.CallbackHandlerDeprecated', 'This version of Node.js does not support callback handlers')
    }
  }
  return handler as Handler
}

async function importEsModule(path: string): Promise<unknown> {
  return import(pathToFileURL(path).href)
}

function requireCommonJs(path: string): unknown {
  return createRequire(path)(path)
}

function isEsModule(path: string): boolean {
  const extension = extname(path)
  return extension === '.mjs' || (extension === '.js' && nearestPackageType(dirname(path)) === 'module')
}

function nearestPackageType(folder: string): unknown {
  const file = join(folder, 'package.json')
  if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { type?: unknown }).type
  const parent = dirname(folder)
  return parent === folder ? undefined : nearestPackageType(parent)
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name })
}
