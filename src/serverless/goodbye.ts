import { wrongValue } from '../budget/index.js'
import type { FunctionConfiguration, Serverless } from './framework.js'
import { packagedFile, packFile } from './packaged-file.js'

/** The preload. */
export const GOODBYE = packagedFile('goodbye.mjs')
/** Where Lambda unpacks a function. */
const TASK_ROOT = '/var/task'

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
  const own = configuration.environment?.NODE_OPTIONS
  const options = own ?? service.provider.environment?.NODE_OPTIONS ?? ''
  if (!packFile(GOODBYE, configuration, service)) return false
  if (typeof options !== 'string') {
    const key = `${own === undefined ? 'provider' : `functions.${name}`}.environment.NODE_OPTIONS`
    throw wrongValue(file, key, 'a string, as `--import` is appended to it', options)
  }
  const preload = `--import=${TASK_ROOT}/${GOODBYE.place}`
  if (!options.split(' ').includes(preload)) {
    configuration.environment = { ...configuration.environment, NODE_OPTIONS: `${options} ${preload}`.trim() }
  }
  return true
}
