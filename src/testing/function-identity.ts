import { randomBytes } from 'node:crypto'
import { basename, dirname, extname } from 'node:path'
import type { ResolvedOptions } from './options.js'

/** Region of the local function. */
const region = 'us-east-1'

/** Who the function is, as AWS tells it to the runtime. */
export interface FunctionIdentity {
  readonly name: string
  readonly version: string
  readonly arn: string
  /** `file.export`, as in a function's configuration. */
  readonly handler: string
}

/** The function's identity follows from its module and export. */
export function identify(options: ResolvedOptions): FunctionIdentity {
  const name = basename(options.module, extname(options.module))
  return {
    name,
    version: '$LATEST',
    arn: `arn:aws:lambda:${region}:000000000000:function:${name}`,
    handler: `${name}.${options.exportName}`,
  }
}

/** Environment variables of one environment: AWS's, then the user's. Of this process only what any program needs. */
export function environmentVariables(
  identity: FunctionIdentity,
  options: ResolvedOptions,
  runtimeApi: string,
): Record<string, string> {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '/')
  const inherited = Object.fromEntries(
    ['PATH', 'HOME', 'TZ'].flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
  ) as Record<string, string>
  const kind = options.concurrency
    ? {
        // The least there is on Managed Instances.
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '2048',
        AWS_LAMBDA_INITIALIZATION_TYPE: 'lambda-managed-instances',
        AWS_LAMBDA_MAX_CONCURRENCY: String(options.concurrency),
      }
    : { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128', AWS_LAMBDA_INITIALIZATION_TYPE: options.initializationType }
  return {
    ...inherited,
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${options.nodeMajor}.x`,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_LAMBDA_FUNCTION_NAME: identity.name,
    AWS_LAMBDA_FUNCTION_VERSION: identity.version,
    ...kind,
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${identity.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `${day}/[${identity.version}]${randomBytes(16).toString('hex')}`,
    AWS_LAMBDA_RUNTIME_API: runtimeApi,
    LAMBDA_TASK_ROOT: dirname(options.module),
    _HANDLER: identity.handler,
    ...options.env,
  }
}
