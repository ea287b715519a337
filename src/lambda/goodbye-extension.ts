import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/** Has to differ from the names of the environment's other extensions. */
const NAME = 'pg-thaw'

/**
 * Registers an internal extension at Lambda's Extensions API. It hears of no events, and so adds nothing to any invocation: all it
 * buys is SIGTERM before the end. Resolves with what went wrong; never rejects.
 *
 * There is no time limit here, and nothing that keeps the process alive. An answer that comes late still has to be followed by the
 * poll: init is not over before each registered extension has polled.
 *
 * @param api Host and port, as in AWS_LAMBDA_RUNTIME_API.
 */
export async function registerExtension(api: string): Promise<string | undefined> {
  try {
    // Loaded here, because outside Lambda nobody needs it.
    const { request } = await import('node:http')
    const open = (method: string, path: string, headers: Record<string, string>) =>
      // A socket of its own, which no agent's limits hold up.
      request(`http://${api}/2020-01-01/extension/${path}`, { method, headers, agent: false })
        .on('socket', (socket) => socket.unref())
        .on('error', () => {})
    const registration = open('POST', 'register', { 'Lambda-Extension-Name': NAME })
    registration.end('{"events":[]}')
    const [response] = (await once(registration, 'response')) as [IncomingMessage]
    const id = response.headers['lambda-extension-identifier']
    if (response.statusCode !== 200 || typeof id !== 'string') return `${response.statusCode} ${await text(response)}`
    response.resume()
    // Outstanding for as long as the environment lives.
    open('GET', 'event/next', { 'Lambda-Extension-Identifier': id })
      .on('response', (event) => event.resume())
      .end()
    return undefined
  } catch (error) {
    return String(error)
  }
}
