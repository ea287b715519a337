/**
 * The program of an environment's process: what AWS's Node.js runtime does between the Runtime API and a handler.
 *
 * It installs no handler for uncaught exceptions and unhandled rejections: they end the process, and so the environment.
 * One difference to AWS's runtime is left: there the POST of the response blocks the process, here other work goes on.
 *
 * On Managed Instances the main thread only starts workers, each of which is such a program, and takes events without waiting for the
 * end of those before. There such an error ends the worker alone.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'
import { provideAwslambda } from './runtime/awslambda.js'
import { RuntimeClient } from './runtime/client.js'
import { type Handler, loadHandler } from './runtime/load-handler.js'
import { runInvocation, runOverlapping } from './runtime/run-invocation.js'
import { startWorkers } from './runtime/workers.js'

async function main(modulePath: string, exportName: string): Promise<void> {
  const overlaps = process.env.AWS_LAMBDA_MAX_CONCURRENCY !== undefined
  if (overlaps && isMainThread) return startWorkers(__filename, [modulePath, exportName])
  provideAwslambda()
  const client = new RuntimeClient(process.env.AWS_LAMBDA_RUNTIME_API ?? '')
  let handler: Handler
  try {
    handler = await loadHandler(modulePath, exportName, overlaps)
  } catch (error) {
    await client.failInit(error)
    process.exit(1)
  }
  for (;;) {
    const invocation = await client.next()
    if (overlaps) setImmediate(() => void runOverlapping(client, handler, invocation))
    else await runInvocation(client, handler, invocation)
    await turn()
  }
}

const [, , modulePath = '', exportName = ''] = process.argv
void main(modulePath, exportName)
