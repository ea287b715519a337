import { CredentialsLookupError } from './errors.js'
import { binarySecret, readSecret, type SecretReading } from './secret.js'
import {
  type Credentials,
  type CredentialsRequest,
  type PoolCredentials,
  poolCredentials,
} from './source/pool-credentials.js'

/** One version of a secret. */
export interface SecretVersion {
  readonly versionId: string | undefined
  /** Nothing if the secret is binary. */
  readonly text: string | undefined
}

/** Reads the version that has a staging label. */
export type ReadVersion = (stage: string, request: CredentialsRequest) => Promise<SecretVersion>

const CURRENT = 'AWSCURRENT'
const PENDING = 'AWSPENDING'

/**
 * Credentials out of a secret that rotates.
 *
 * A rotation of a single user sets the new password in the database (second step) before it makes it the current version (fourth
 * step). In between the server refuses the current version, and only the pending one is right. So where the server has refused the
 * current version, the pending one is read too. It is read first: the fourth step may be done between the two, and the other way round
 * neither would have been the new one.
 */
export function rotatingSecret(
  reading: SecretReading & { readonly versionStage?: string | undefined },
  read: ReadVersion,
): PoolCredentials {
  const stage = reading.versionStage ?? CURRENT
  let lastId: string | undefined
  /** The last version that the server refused, as the request for a fresh one says. */
  let refusedId: string | undefined

  async function newest(request: CredentialsRequest): Promise<SecretVersion> {
    if (!request.fresh) {
      const version = await read(stage, request)
      // A cache may have it still.
      return isRefused(version) ? newest({ ...request, fresh: true }) : version
    }
    const next = stage === CURRENT && refusedId !== undefined ? await pending(request) : undefined
    const version = await read(stage, request)
    return isRefused(version) ? (next ?? version) : version
  }

  async function pending(request: CredentialsRequest): Promise<SecretVersion | undefined> {
    try {
      const version = await read(PENDING, request)
      return isRefused(version) || version.text === undefined ? undefined : version
    } catch (error) {
      // There is none, or it may not be read.
      if (error instanceof CredentialsLookupError) return undefined
      throw error
    }
  }

  function isRefused({ versionId }: SecretVersion): boolean {
    return refusedId !== undefined && versionId === refusedId
  }

  return poolCredentials(async (request): Promise<Credentials> => {
    if (request.fresh) refusedId = lastId
    const version = await newest(request)
    // Another one is on its way else, or has been given already.
    if (!request.signal.aborted) lastId = version.versionId
    if (version.text === undefined) throw binarySecret(reading)
    return readSecret(version.text, reading)
  })
}
