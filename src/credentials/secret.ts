import { types } from 'node:util'
import { CredentialsLookupError } from './errors.js'
import type { Credentials } from './source/pool-credentials.js'

/** How the text of a secret is read. */
export interface SecretReading {
  /** Name or ARN of the secret. */
  readonly secretId: string
  /** User of a secret that doesn't name one; needed where the secret is nothing but the password. */
  readonly user?: string | undefined
  /** Reads a secret of another shape. */
  readonly parse?: ((secret: string) => Credentials | Promise<Credentials>) | undefined
}

/**
 * Reads the text of a secret: JSON as RDS and Secrets Manager write it (`username`, `password`, `host`, `port`, `dbname`, `engine`),
 * or, with a `user`, the password itself.
 *
 * @throws {CredentialsLookupError} `CREDENTIALS_SECRET_INVALID`.
 */
export async function readSecret(secret: string, reading: SecretReading): Promise<Credentials> {
  if (reading.parse !== undefined) return parsed(secret, reading.secretId, reading.parse)
  const fields = jsonObject(secret)
  if (fields !== undefined) return fromFields(fields, reading)
  if (reading.user === undefined) {
    throw invalid(
      reading,
      'is no JSON object: give `user` if it is only a password, or `parse` if it is something else',
    )
  }
  if (secret === '') throw invalid(reading, 'is empty')
  return { user: reading.user, password: secret }
}

/** What a secret without a text is refused with. */
export function binarySecret(reading: SecretReading): CredentialsLookupError {
  return invalid(reading, 'is binary: only secrets that are text can be read')
}

/** The error of a `parse` may quote what it was given, so only the kind of it is passed on. */
async function parsed(
  secret: string,
  secretId: string,
  parse: NonNullable<SecretReading['parse']>,
): Promise<Credentials> {
  try {
    return await parse(secret)
  } catch (error) {
    const kind = types.isNativeError(error) ? error.name : typeof error
    throw invalid({ secretId }, `was not understood by the \`parse\` that was given (${kind}, whose text may quote it)`)
  }
}

function fromFields(fields: Readonly<Record<string, unknown>>, reading: SecretReading): Credentials {
  const text = (...names: readonly string[]) => {
    const name = names.find((it) => fields[it] !== undefined && fields[it] !== null && fields[it] !== '')
    if (name === undefined) return undefined
    const value = fields[name]
    if (typeof value !== 'string') throw invalid(reading, `has a \`${name}\` that is no string (${typeof value})`)
    return value
  }
  const engine = text('engine')
  if (engine !== undefined && !/postgres/i.test(engine)) {
    throw invalid(reading, `belongs to another engine (its \`engine\` does not name PostgreSQL)`)
  }
  const password = text('password')
  if (password === undefined) throw invalid(reading, 'has no `password`')
  const user = text('username', 'user') ?? reading.user
  if (user === undefined) throw invalid(reading, 'has no `username`, and no `user` was given')
  return { user, password, host: text('host'), port: portIn(fields, reading), database: text('dbname', 'database') }
}

function portIn({ port }: Readonly<Record<string, unknown>>, reading: SecretReading): number | undefined {
  if (port === undefined || port === null || port === '') return undefined
  const number = typeof port === 'string' ? Number(port) : port
  if (typeof number === 'number' && Number.isInteger(number) && number > 0 && number < 65_536) return number
  throw invalid(reading, 'has a `port` that is no port')
}

/** Nothing for what is no JSON object. The parser's own error quotes what it read, so it goes no further. */
function jsonObject(secret: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(secret)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function invalid({ secretId }: Pick<SecretReading, 'secretId'>, what: string): CredentialsLookupError {
  return new CredentialsLookupError('CREDENTIALS_SECRET_INVALID', `The secret \`${secretId}\` ${what}`)
}
