export type { RuntimeError } from './api/runtime-api.js'
export { LambdaThrottledError, LocalLambdaError, type LocalLambdaErrorCode } from './errors.js'
export {
  type EnvironmentInfo,
  type InvocationRecord,
  type LocalLambda,
  type NetworkStats,
  startLambda,
} from './local-lambda.js'
export { type FreezeModel, type Relay, type RelayFault, type RelayOptions, startRelay } from './network/relay.js'
export type { LocalLambdaOptions, LogLine } from './options.js'
