import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { FunctionConfiguration, Serverless } from './framework.js'

/** Where files of the plugin are in the service's folder, and so in each package. In `.serverless`, which is emptied before and packaged after. */
const FOLDER = '.serverless/pg-thaw'

/** A built file of this package that goes into the packages of functions. */
export interface PackagedFile {
  /** Its name in `dist/`. */
  readonly name: string
  /** Where it is in the package. */
  readonly place: string
}

export function packagedFile(name: string): PackagedFile {
  return { name, place: `${FOLDER}/${name}` }
}

/** Puts a copy where the packages take it from. */
export function placeFile({ serviceDir }: Serverless, { name, place }: PackagedFile): void {
  const copy = join(serviceDir, place)
  mkdirSync(dirname(copy), { recursive: true })
  // The plugin is in a folder of its own.
  copyFileSync(join(__dirname, '..', name), copy)
}

/**
 * Has it packaged with a function.
 *
 * @returns whether that can be; an image and a package that is built already can't be added to.
 */
export function packFile(
  { place }: PackagedFile,
  configuration: FunctionConfiguration,
  service: Serverless['service'],
): boolean {
  const isIndividual = configuration.package?.individually ?? service.package?.individually ?? false
  const owner = isIndividual ? configuration : service
  if (configuration.image !== undefined || configuration.package?.artifact !== undefined) return false
  if (owner.package?.artifact !== undefined) return false
  const patterns = owner.package?.patterns ?? []
  if (!patterns.includes(place)) owner.package = { ...owner.package, patterns: [...patterns, place] }
  return true
}
