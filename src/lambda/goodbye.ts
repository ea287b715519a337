import { isMainThread } from 'node:worker_threads'
import { environment } from '../registry/environment.js'
import { registerExtension } from './goodbye-extension.js'

/** Longest wait for Lambda's answer to the registration, ms. It usually takes a few. */
const PATIENCE_MILLIS = 1000

/** Longest wait for the servers to close the connections, ms. Lambda grants 300 to 500 in all, and others may need some of it. */
const LIMIT_MILLIS = 150

/**
 * Child processes inherit `NODE_OPTIONS`, and with it the preload: this tells them that the environment is registered already. They
 * still listen for the signal, for the sake of pools of their own.
 */
const IS_REGISTERED = 'PG_THAW_GOODBYE'

/**
 * Sees to it that the environment says goodbye: registers an internal extension, so that Lambda sends SIGTERM before it ends the
 * environment, and then closes every connection of every pool in it. Has to be awaited during init, because registration closes when
 * init is over. Happens once per environment, however often it is called and by however many copies of the library. Outside Lambda,
 * in worker threads and on Lambda Managed Instances it does nothing.
 *
 * Resolves after 1 s at the latest, and never rejects. Where the registration fails, the pools work as they do without a goodbye, and
 * a process warning with the code `PG_THAW_NO_GOODBYE` says why.
 */
export function registerGoodbye(): Promise<void> {
  const here = environment()
  here.goodbye ??= register()
  return here.goodbye
}

async function register(): Promise<void> {
  const api = process.env.AWS_LAMBDA_RUNTIME_API
  if (api === undefined || !canHearSigterm()) return
  // Also where the registration fails: another extension buys the signal, too. Ahead of listeners that end the process.
  process.prependOnceListener('SIGTERM', sayGoodbye)
  if (process.env[IS_REGISTERED] !== undefined) return
  process.env[IS_REGISTERED] = '1'
  const failure = await atMost(PATIENCE_MILLIS, registerExtension(api), `no answer within ${PATIENCE_MILLIS} ms`)
  if (failure === undefined) return
  process.emitWarning(`pg-thaw could not register for the signal at the environment's end: ${failure}`, {
    type: 'PgThawWarning',
    code: 'PG_THAW_NO_GOODBYE',
    detail:
      'The pools work on. What is idle when the environment ends is closed by the server, when its lease is over.',
  })
}

/** Signals reach the main thread alone. On Managed Instances the handler, and so each pool, lives in a worker thread. */
function canHearSigterm(): boolean {
  return isMainThread && process.env.AWS_LAMBDA_INITIALIZATION_TYPE !== 'lambda-managed-instances'
}

/**
 * Closes everything, and then lets the process end as it would have without a listener: by the signal. `process.exit` may hang while
 * the runtime waits for its next event in native code.
 */
function sayGoodbye(): void {
  const said = Promise.allSettled([...environment().pools].map(async (pool) => pool.goodbye()))
  // This listener is not among them any more. The others decide when the process ends.
  if (process.listenerCount('SIGTERM') > 0) return
  void atMost(LIMIT_MILLIS, said, undefined).then(() => process.kill(process.pid, 'SIGTERM'))
}

/** What the work comes to, or `otherwise` when the time is over first. The process stays for it. */
async function atMost<T, O>(millis: number, work: Promise<T>, otherwise: O): Promise<T | O> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<O>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), millis)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
