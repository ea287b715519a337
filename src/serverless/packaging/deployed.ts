import { record } from '../../budget/index.js'
import type { FunctionConfiguration, Serverless } from '../framework.js'
import { GOODBYE, type OwnFile, WRAPPER } from './own-file.js'

/** What settings of this version, or of one before it, have a function load. */
const PRELOADED = /--import=\/var\/task\/(\S*pg-thaw\/goodbye\.mjs)(?:\s|$)/
const WRAPPED = /^(\S*pg-thaw\/handler)\.handler$/

/**
 * The function that is on Lambda, where it alone is deployed anew: its code and its settings are changed one after the other, and the
 * settings not at all where they refer to resources.
 */
export interface DeployedFunction {
  /** What its settings have it load, which its code has to have for as long as they stand. */
  readonly loads: readonly OwnFile[]
  /** Whether its code stays as it is, and the settings alone are changed. */
  readonly keepsCode: boolean
}

/**
 * Why a function that is not wrapped yet can't become so by a deployment of its own: its handler would be changed, and the variable that
 * leads to its own would not.
 */
export function whyNotWrapped(
  { loads }: DeployedFunction,
  { environment }: FunctionConfiguration,
  { service }: Serverless,
): string | undefined {
  const values = Object.values({ ...service.provider.environment, ...environment })
  const isLeftAlone = values.some((value) => typeof value === 'object' && value !== null)
  if (!isLeftAlone || loads.some(({ place }) => place === WRAPPER.place)) return undefined
  return '`deploy function` changes no variables where one refers to a resource: deploy the service once'
}

/** Reads what the framework has asked Lambda for. */
export function readDeployed({ service }: Serverless, keepsCode: boolean): DeployedFunction {
  const { Handler, Environment } = record(record(service.provider.remoteFunctionData).Configuration)
  const [, preloaded] = PRELOADED.exec(String(record(record(Environment).Variables).NODE_OPTIONS)) ?? []
  const [, wrapper] = WRAPPED.exec(String(Handler)) ?? []
  const loads = [
    ...(preloaded === undefined ? [] : [{ ...GOODBYE, place: preloaded }]),
    ...(wrapper === undefined ? [] : [{ ...WRAPPER, place: `${wrapper}.mjs` }]),
  ]
  return { loads, keepsCode }
}
