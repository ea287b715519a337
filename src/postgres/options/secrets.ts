import { checkIsObject, SECRETS } from './option-checks.js'

/**
 * A copy of options for pg to change: it hides what is secret in the objects it is given, theirs and that of `ssl`. Copied by name, hidden
 * ones too: a client key that a `pg.Client` has hidden on an object that is shared with it is still there.
 *
 * @throws {PoolOptionError} when they are no object.
 */
export function copyOptions<T extends object>(options: T): T {
  checkIsObject(options)
  const copy: Record<string, unknown> = ownOf(options, {})
  for (const name of SECRETS) {
    // Of a prototype too, as pg reads `password`.
    const value = (options as Record<string, unknown>)[name]
    if (value !== undefined && value !== null) copy[name] = isRecord(value) ? ownOf(value, newLike(value)) : value
  }
  return copy as T
}

function ownOf(from: object, to: Record<string, unknown>): Record<string, unknown> {
  for (const name of Object.getOwnPropertyNames(from)) to[name] = (from as Record<string, unknown>)[name]
  return to
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a class of the user's has on its prototype is found there. */
function newLike(value: object): Record<string, unknown> {
  return Object.create(Object.getPrototypeOf(value))
}

/**
 * Keeps secrets out of `util.inspect`, `JSON.stringify` and the like: they stay readable by name, which consumers rely on, but are
 * neither enumerable nor shown with `showHidden`.
 */
export function hideSecrets(options: object): void {
  for (const name of SECRETS) {
    if (!Object.hasOwn(options, name)) continue
    let value = (options as Record<string, unknown>)[name]
    const set = (other: unknown) => {
      value = other
    }
    // It stays configurable, as it is.
    Object.defineProperty(options, name, { enumerable: false, get: () => value, set })
  }
}

/**
 * The same for the password that a client keeps once it has signed in: it is put behind a function, which pg takes for a password as
 * well. (A getter would have V8 keep the whole client as a dictionary, and every query pay for that.)
 */
export function coverPassword(client: { readonly connectionParameters?: object }): void {
  for (const holder of [client, client.connectionParameters] as ({ password?: unknown } | undefined)[]) {
    const password = holder?.password
    if (holder !== undefined && typeof password === 'string') holder.password = () => password
  }
}
