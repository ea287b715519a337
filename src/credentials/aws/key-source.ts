import { KeyChain } from './aws-keys.js'
import { GivenKeys } from './given-keys.js'
import type { AwsKeys, AwsKeysProvider, KeySource } from './keys.js'

/** What the option `keys` leads to; without it, the keys of the function. */
export function keySource(given: AwsKeys | AwsKeysProvider | undefined): KeySource {
  return given === undefined ? new KeyChain() : new GivenKeys(given)
}
