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
 * not enumerable.
 */
export function hideSecrets(options: object): void {
  for (const name of SECRETS) {
    const descriptor = Object.getOwnPropertyDescriptor(options, name)
    if (descriptor !== undefined) Object.defineProperty(options, name, { ...descriptor, enumerable: false })
  }
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
