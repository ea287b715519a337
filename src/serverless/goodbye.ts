import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { wrongValue } from './errors.js'
import type { FunctionConfiguration, Serverless } from './framework.js'

/** The preload in the service's folder, and so in each package. In `.serverless`, which is emptied before and packaged after. */
const PLACE = '.serverless/pg-thaw/goodbye.mjs'
/** Where Lambda unpacks a function. */
const TASK_ROOT = '/var/task'
/** The built preload, beside the plugin's own file. */
const BUILT = join(__dirname, '..', 'goodbye.mjs')

/** Puts a copy of the preload where the packages take it from. */
export function placeGoodbye({ serviceDir }: Serverless): void {
  const copy = join(serviceDir, PLACE)
  mkdirSync(dirname(copy), { recursive: true })
  copyFileSync(BUILT, copy)
}

/**
 * Makes a function load the preload before its own code: without a registered extension Lambda ends an environment by SIGKILL,
 * and its sessions stay until their lease ends. A module that can't await, as CommonJS, is too late for that.
 *
 * @returns whether it could; an image and a package that is built already can't be added to.
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` for a NODE_OPTIONS that nothing can be appended to.
 */
export function preloadGoodbye(
  name: string,
  configuration: FunctionConfiguration,
  { service }: Serverless,
  file: string,
): boolean {
  const isIndividual = configuration.package?.individually ?? service.package?.individually ?? false
  const owner = isIndividual ? configuration : service
  if (configuration.image !== undefined || configuration.package?.artifact !== undefined) return false
  if (owner.package?.artifact !== undefined) return false

  const own = configuration.environment?.NODE_OPTIONS
  const options = own ?? service.provider.environment?.NODE_OPTIONS ?? ''
  if (typeof options !== 'string') {
    const key = `${own === undefined ? 'provider' : `functions.${name}`}.environment.NODE_OPTIONS`
    throw wrongValue(file, key, 'a string, as `--import` is appended to it', options)
  }
  const preload = `--import=${TASK_ROOT}/${PLACE}`
  if (!options.split(' ').includes(preload)) {
    configuration.environment = { ...configuration.environment, NODE_OPTIONS: `${options} ${preload}`.trim() }
  }
  const patterns = owner.package?.patterns ?? []
  if (!patterns.includes(PLACE)) owner.package = { ...owner.package, patterns: [...patterns, PLACE] }
  return true
}
