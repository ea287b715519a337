import { dirname, join } from 'node:path'
import { environmentVariables, type FunctionIdentity } from '../function-identity.js'
import { type Relay, startRelay } from '../network/relay.js'
import type { ResolvedOptions } from '../options.js'
import { EnvironmentProcess } from './process.js'

/** What an environment needs from the fleet it belongs to. */
export interface EnvironmentContext<Environment> {
  readonly options: ResolvedOptions
  readonly identity: FunctionIdentity
  /** The relay exists from before the process to after it. */
  onRelay(relay: Relay): void
  onStarted(environment: Environment): void
  onEnded(environment: Environment): void
}

/** Starts the relay through which an environment reaches the database, where it has one. */
export async function openRelay(context: EnvironmentContext<never>): Promise<Relay | undefined> {
  const { database, freezeModel } = context.options
  const relay = database && (await startRelay({ ...database, freezeModel }))
  if (relay) context.onRelay(relay)
  return relay
}

/** Starts the runtime of an environment. */
export function spawnRuntime(
  { options, identity }: EnvironmentContext<never>,
  environmentId: string,
  runtimeApi: string,
  relay: Relay | undefined,
): EnvironmentProcess {
  const database = relay && { PGHOST: relay.host, PGPORT: String(relay.port) }
  // On Lambda these two major versions can't require() an ES module.
  const flags = [20, 22].includes(options.nodeMajor) ? ['--no-experimental-require-module'] : []
  return new EnvironmentProcess({
    command: options.nodePath,
    args: [...flags, join(__dirname, 'runtime.js'), options.module, options.exportName],
    env: { ...environmentVariables(identity, options, runtimeApi), ...database },
    cwd: dirname(options.module),
    onLine: (stream, text) => options.onLog({ environmentId, stream, text }),
  })
}
