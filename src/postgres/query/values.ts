import pg from 'pg'

/**
 * A query with its values made into what is sent, as pg makes them, but before a connection is asked for: a value that can't be
 * serialised is its caller's mistake, and a conversion that calls the pool its caller's wish. Neither costs a connection or anybody
 * else's query. What is no plain query is left alone.
 *
 * @throws whatever the conversion of a value throws, and as pg does where values are no array.
 */
export function serialised(text: unknown, given: unknown): readonly [text: unknown, values: unknown] {
  const isConfig = typeof text === 'object' && text !== null && !('submit' in text)
  const values: unknown = given ?? (isConfig && 'values' in text ? text.values : undefined)
  if (values && !Array.isArray(values) && (typeof text === 'string' || isConfig)) {
    throw new Error('Query values must be an array')
  }
  if (!Array.isArray(values) || !values.some(mayFail) || (typeof text !== 'string' && !isConfig)) return [text, given]
  const sent = values.map((value: unknown) => (mayFail(value) ? prepared(value) : value))
  // The caller's own object is left as it is; what it inherits is still there.
  return isConfig && given === undefined ? [withValues(text, sent), undefined] : [text, sent]
}

/** Whether they are sent as they are: nothing of the caller's own is called for them. */
export function arePlain(values: unknown): boolean {
  return Array.isArray(values) && !values.some(mayFail)
}

/** What pg converts by calling something: toPostgres(), toJSON(), getters. */
function mayFail(value: unknown): boolean {
  if (typeof value === 'function') return true
  return typeof value === 'object' && value !== null && !(value instanceof Date) && !ArrayBuffer.isView(value)
}

function withValues(config: object, values: unknown[]): object {
  const isPlain = Object.getPrototypeOf(config) === Object.prototype
  return isPlain ? { ...config, values } : Object.create(config, { values: { value: values, writable: true } })
}

/** Looked up each time: programs put their own in its place. */
function prepared(value: unknown): unknown {
  return (pg as unknown as { readonly utils: { prepareValue(value: unknown): unknown } }).utils.prepareValue(value)
}
