import type { FunctionConfiguration, Serverless } from '../framework.js'

/** The path of the zip that a function is deployed with, as it is written; several functions may have the same. */
export function artifactOf(configuration: FunctionConfiguration, { service }: Serverless): string | undefined {
  return configuration.package?.artifact || service.package?.artifact || undefined
}
