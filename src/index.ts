/** All of this module, for `import pg from 'pg-thaw'`. */
export * as default from './index.js'
export { createPool } from './lambda/create-pool.js'
export type { InvocationReport, PoolReport } from './lambda/invocation-report.js'
export { connectionsToKeep, type InitializationType, type Keeping, type Observations } from './lambda/keep-policy.js'
export { wrapHandler } from './lambda/wrap-handler.js'
export type { DialFailure } from './pool/connector.js'
export {
  type AcquirePhase,
  AcquireTimeoutError,
  DialError,
  PoolError,
  type PoolErrorCode,
  type PoolGauges,
  PoolOptionError,
  type Retry,
} from './pool/errors.js'
export type { RetireReason } from './pool/slot.js'
export type {
  Credentials,
  CredentialsProvider,
  CredentialsRequest,
  PoolCredentials,
} from './postgres/connection/opening/credentials.js'
export type { Target } from './postgres/connection/opening/profile.js'
export type { CertificateAuthorities } from './postgres/connection/opening/tls.js'
export type { PoolOptions, Reset } from './postgres/options/options.js'
export { type ConnectOptions, Pool, type PoolStats, type TransactionOptions } from './postgres/pool.js'
export * from './postgres/stock.js'
export type {
  FaultEvent,
  LeakReport,
  ReleaseEvent,
  ResetEvent,
  RetireEvent,
  ThawEvent,
  TimedEvent,
  UnfinishedEvent,
} from './registry/channels.js'
export type { PoolCounts, Pooling } from './registry/environment.js'
