/** Options whose value is, or may contain, a secret. */
const SECRETS = ['password', 'connectionString', 'ssl'] as const

/**
 * A copy of options that has those with secrets too, also from options that went through {@link hideSecrets}. What is in `ssl` is
 * copied, since pg changes it.
 */
export function copyOptions<T extends object>(options: T): T {
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
export function hideSecrets(options: object, names: readonly string[] = SECRETS): void {
  for (const name of names) {
    const descriptor = Object.getOwnPropertyDescriptor(options, name)
    if (descriptor?.configurable !== true || !('value' in descriptor)) continue
    let value: unknown = descriptor.value
    const set = (other: unknown) => {
      value = other
    }
    Object.defineProperty(options, name, { configurable: true, enumerable: false, get: () => value, set })
  }
}

/** The same for the password that a client keeps, also for what it will be told. */
export function hidePassword<C extends object>(client: C): C {
  hideSecrets(client, ['password'])
  const parameters: unknown = Reflect.get(client, 'connectionParameters')
  if (typeof parameters === 'object' && parameters !== null) hideSecrets(parameters, ['password'])
  return client
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
