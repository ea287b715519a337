import { type BudgetError, wrongValue } from '../../budget/index.js'
import type { FunctionConfiguration, Serverless } from '../framework.js'
import { GOODBYE, TASK_ROOT } from './own-file.js'

/** Has Node.js load the goodbye before the function's own code. */
const OPTION = `--import=${TASK_ROOT}/${GOODBYE.place}`

/** A NODE_OPTIONS that nothing can be appended to, if a function has one. */
export function refusedOptions(
  name: string,
  configuration: FunctionConfiguration,
  serverless: Serverless,
  file: string,
): BudgetError | undefined {
  const options = optionsOf(configuration, serverless)
  if (typeof options === 'string') return undefined
  const owner = configuration.environment?.NODE_OPTIONS === undefined ? 'provider' : `functions.${name}`
  return wrongValue(file, `${owner}.environment.NODE_OPTIONS`, 'a string, as `--import` is appended to it', options)
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
