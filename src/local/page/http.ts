import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { failure, type LocalAnswer, type Serve } from './answer.js'
import { refusal } from './origin.js'
import type { EventStream } from './stream.js'

export interface LocalServer {
  readonly url: string
  readonly port: number
  /** Until then requests wait. */
  serve(serve: Serve): void
  close(): Promise<void>
}

/** As Lambda's limit for a call. */
const MOST_BYTES = 6 * 1024 * 1024

/** Ports that are tried from the first on. */
const MOST_PORTS = 20

/** The page may do nothing but what it has in itself, and nobody may frame it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "connect-src 'self'",
  'img-src data:',
  "frame-ancestors 'none'",
].join('; ')

/**
 * Listens on 127.0.0.1: the page at `/`, what it hears at `/local/events`, and everything else is for others to answer. Where somebody
 * else listens on that port, it is the next free one.
 *
 * @throws Error with the code `EADDRINUSE` when twenty of them are taken.
 */
export async function listen(firstPort: number, stream: EventStream): Promise<LocalServer> {
  let serve: (serve: Serve) => void = () => {}
  const ready = new Promise<Serve>((resolve) => {
    serve = resolve
  })
  const server = createServer((request, response) => {
    respond(request, response, ready, stream).catch(() => response.destroy())
  })
  await listenFrom(server, firstPort)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}`,
    port,
    serve,
    async close() {
      stream.close()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function listenFrom(server: Server, first: number): Promise<void> {
  for (let port = first; ; port++) {
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      return
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!isTaken || port === 65_535 || port === first + MOST_PORTS - 1) throw error
    }
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  ready: Promise<Serve>,
  stream: EventStream,
): Promise<void> {
  const { method = 'GET', url = '/', headers } = request
  const [path] = url.split('?', 1)
  const reason = refusal(method, headers)
  if (reason !== undefined) {
    request.resume()
    return send(response, failure(403, reason))
  }
  if (method === 'GET' && path === '/') {
    const page = await readFile(join(__dirname, 'page.html'))
    const type = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY }
    response.writeHead(200, { ...type, 'cache-control': 'no-store' }).end(page)
    return
  }
  if (method === 'GET' && path === '/local/events') return stream.add(response)
  const body = await bodyOf(request)
  if (body === undefined) return send(response, failure(413, 'Request Entity Too Large'))
  const serve = await ready
  send(response, await serve({ method, url, headers, body }))
}

/** Nothing for one that is too large, which is read to its end all the same, so that the answer is heard. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size <= MOST_BYTES) chunks.push(chunk)
  }
  return size <= MOST_BYTES ? Buffer.concat(chunks) : undefined
}

function send(response: ServerResponse, { statusCode, headers, cookies = [], body }: LocalAnswer): void {
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  response.writeHead(statusCode, { ...headers, 'content-length': body.length }).end(body)
}
