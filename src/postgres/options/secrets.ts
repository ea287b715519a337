import { checkIsObject, SECRETS } from './option-checks.js'

/**
 * A copy of options that has those with secrets too, also from options that went through {@link hideSecrets}. What is in `ssl` is
 * copied, since pg changes it.
 *
 * @throws {PoolOptionError} when they are no object.
 */
export function copyOptions<T extends object>(options: T): T {
  checkIsObject(options)
  const copy = { ...options } as Record<string, unknown>
  for (const name of SECRETS) {
    const value = (options as Record<string, object | null | undefined>)[name]
    if (value !== undefined && value !== null) copy[name] = value.constructor === Object ? { ...value } : value
  }
  return copy as T
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
