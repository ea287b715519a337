/** Options whose value is, or may contain, a secret. */
const SECRETS = ['password', 'connectionString'] as const

/**
 * Keeps secrets out of `util.inspect`, `JSON.stringify` and the like: they stay readable by name, which consumers rely on, but are
 * not enumerable.
 */
export function hideSecrets(options: object): void {
  for (const name of SECRETS) hide(options, name)
  const ssl: unknown = Reflect.get(options, 'ssl')
  if (typeof ssl !== 'object' || ssl === null) return
  for (const name of ['key', 'passphrase', 'pfx']) hide(ssl, name)
}

function hide(holder: object, name: string): void {
  const descriptor = Object.getOwnPropertyDescriptor(holder, name)
  if (descriptor?.configurable) Object.defineProperty(holder, name, { ...descriptor, enumerable: false })
}
