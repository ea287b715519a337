import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { FunctionConfiguration, Serverless } from '../framework.js'

/** The path of the zip that a function is deployed with, as it is written; several functions may have the same. */
export function artifactOf(
  name: string,
  configuration: FunctionConfiguration,
  serverless: Serverless,
  serviceDir: string,
): string | undefined {
  const written = configuration.package?.artifact || serverless.service.package?.artifact
  if (written) return written
  // Where one function alone is deployed, the framework may write nothing down, and look here itself.
  const usual = join('.serverless', serverless.getProvider('aws').naming.getFunctionArtifactName(name))
  return existsSync(join(serviceDir, usual)) ? usual : undefined
}
