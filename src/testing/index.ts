export { LambdaThrottledError, LocalLambdaError, type LocalLambdaErrorCode } from './errors.js'
export {
  type EnvironmentInfo,
  type InvocationRecord,
  type LocalLambda,
  type NetworkStats,
  startLambda,
} from './local-lambda.js'
export type { LocalLambdaOptions, LogLine } from './options.js'
export { type FreezeModel, type Relay, type RelayFault, type RelayOptions, startRelay } from './relay.js'
export type { RuntimeError } from './runtime-api.js'
