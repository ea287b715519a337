import type { FunctionConfiguration, Serverless } from '../framework.js'
import { GOODBYE, TASK_ROOT } from './own-file.js'

/** Has Node.js load the goodbye before the function's own code. */
const OPTION = `--import=${TASK_ROOT}/${GOODBYE.place}`

/** Why nothing can be appended to a function's NODE_OPTIONS, if so. */
export function whyNoOption(configuration: FunctionConfiguration, serverless: Serverless): string | undefined {
  const isText = typeof optionsOf(configuration, serverless) === 'string'
  return isText ? undefined : 'NODE_OPTIONS there is no text that --import could be appended to'
}

/**
 * Makes a function load the preload before its own code: without a registered extension Lambda ends an environment by SIGKILL,
 * and its sessions stay until their lease ends. A module that can't await, as CommonJS, is too late for that.
 */
export function preloadGoodbye(configuration: FunctionConfiguration, serverless: Serverless): void {
  const options = String(optionsOf(configuration, serverless))
  if (options.split(' ').includes(OPTION)) return
  configuration.environment = { ...configuration.environment, NODE_OPTIONS: `${options} ${OPTION}`.trim() }
}

function optionsOf(configuration: FunctionConfiguration, { service }: Serverless): unknown {
  return configuration.environment?.NODE_OPTIONS ?? service.provider.environment?.NODE_OPTIONS ?? ''
}
