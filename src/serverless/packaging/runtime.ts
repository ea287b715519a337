import type { FunctionConfiguration, Serverless } from '../framework.js'

/** The first major version of which Lambda has one that knows `--import`: 18.18 and later. */
const FIRST_MAJOR = 18

/** What a function runs on. Where nobody says, each version of the framework has its own default. */
function runtimeOf({ runtime }: FunctionConfiguration, serverless: Serverless): string {
  return String(serverless.getProvider('aws').getRuntime(runtime))
}

/** Whether a function is one that could load what the plugin has. An image may be. */
export function isOfNode(configuration: FunctionConfiguration, serverless: Serverless): boolean {
  return configuration.image !== undefined || runtimeOf(configuration, serverless).startsWith('nodejs')
}

/** Why a runtime of Node.js can load nothing ahead of the handler, if it can't. */
export function whyNoPreload(configuration: FunctionConfiguration, serverless: Serverless): string | undefined {
  const runtime = runtimeOf(configuration, serverless)
  // One without a version is the newest.
  const [, major = Infinity] = /^nodejs(\d+)/.exec(runtime) ?? []
  return Number(major) < FIRST_MAJOR ? `${runtime} is older than --import` : undefined
}
