import { checkIsObject } from './option-checks.js'

/** Options whose value is, or may contain, a secret. */
const SECRETS = ['password', 'connectionString', 'ssl'] as const

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
    const value: unknown = Reflect.get(options, name)
    if (value !== undefined) copy[name] = name === 'ssl' && isPlainObject(value) ? { ...value } : value
  }
  return copy as T
}

/**
 * Keeps secrets out of `util.inspect`, `JSON.stringify` and the like: they stay readable by name, which consumers rely on, but are
 * neither enumerable nor shown with `showHidden`.
 */
export function hideSecrets(options: object): void {
  for (const name of SECRETS) {
    const descriptor = Object.getOwnPropertyDescriptor(options, name)
    if (descriptor?.configurable !== true || !('value' in descriptor)) continue
    let value: unknown = descriptor.value
    const set = (other: unknown) => {
      value = other
    }
    Object.defineProperty(options, name, { configurable: true, enumerable: false, get: () => value, set })
  }
}

/**
 * The same for the password that a client keeps once it has signed in: it is put behind a function, which pg takes for a password as
 * well. (A getter would have V8 keep the whole client as a dictionary, and every query pay for that.)
 */
export function coverPassword(client: object): void {
  for (const holder of [client, Reflect.get(client, 'connectionParameters') as unknown]) {
    if (typeof holder !== 'object' || holder === null) continue
    const password: unknown = Reflect.get(holder, 'password')
    if (typeof password === 'string') Reflect.set(holder, 'password', () => password)
  }
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
