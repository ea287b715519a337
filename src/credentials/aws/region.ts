import { CredentialsLookupError } from '../errors.js'

/** The region of the function that this runs in. */
export function ownRegion(): string | undefined {
  return process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION || undefined
}

/** The region of a secret that is named by its ARN. */
export function regionOfArn(secretId: string): string | undefined {
  const [arn, , , region] = secretId.split(':')
  return arn === 'arn' ? region || undefined : undefined
}

/** What is signed for one region is refused in another, so there is no default. */
export function regionMissing(whose: string): CredentialsLookupError {
  const text = `No region is known for ${whose}: give \`region\`, or set AWS_REGION`
  return new CredentialsLookupError('CREDENTIALS_REGION_MISSING', text)
}
