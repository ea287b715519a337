/**
 * The program of an environment's process: what AWS's Node.js runtime does between the Runtime API and a handler.
 *
 * It installs no handler for uncaught exceptions and unhandled rejections: they end the process, and so the environment.
 * One difference to AWS's runtime is left: there the POST of the response blocks the process, here other work goes on.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { provideAwslambda } from './runtime/awslambda.js'
import { RuntimeClient } from './runtime/client.js'
import { type Handler, loadHandler } from './runtime/load-handler.js'
import { runInvocation } from './runtime/run-invocation.js'

async function main(modulePath: string, exportName: string): Promise<void> {
  provideAwslambda()
  const client = new RuntimeClient(process.env.AWS_LAMBDA_RUNTIME_API ?? '')
  let handler: Handler
  try {
    handler = await loadHandler(modulePath, exportName)
  } catch (error) {
    await client.failInit(error)
    process.exit(1)
  }
  for (;;) {
    await runInvocation(client, handler, await client.next())
    await turn()
  }
}

const [, , modulePath = '', exportName = ''] = process.argv
void main(modulePath, exportName)
