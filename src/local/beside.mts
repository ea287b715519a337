// Preloaded into the environments beside: whoever imports or requires pg-thaw there gets the pool of `pg` (src/local/beside/pg-thaw.ts).
import Module, { register } from 'node:module'
import { fileURLToPath } from 'node:url'

const replacements = {
  'pg-thaw': new URL('./beside/pg-thaw.js', import.meta.url).href,
  'pg-thaw/goodbye': new URL('./beside/nothing.js', import.meta.url).href,
}

// For require().
const resolver = Module as unknown as { _resolveFilename(request: string, ...others: unknown[]): string }
const resolve = resolver._resolveFilename
resolver._resolveFilename = (request, ...others) => {
  const url = replacements[request as keyof typeof replacements]
  return url === undefined ? resolve.call(Module, request, ...others) : fileURLToPath(url)
}

// For import, which is resolved by a thread of its own.
const hook = `const replacements = ${JSON.stringify(replacements)}
export async function resolve(specifier, context, next) {
  const url = replacements[specifier]
  return url === undefined ? next(specifier, context) : { url, format: 'commonjs', shortCircuit: true }
}`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
