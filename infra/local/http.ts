import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Controlled, control } from './controls'
import { type ApiAnswer, failure } from './gateway'
import type { EventStream } from './stream'

export interface LocalServer {
  readonly url: string
  /** Until then requests wait. */
  serve(controlled: Controlled): void
  close(): Promise<void>
}

/** As Lambda's limit for a call. */
const MOST_BYTES = 6 * 1024 * 1024

/**
 * Listens on 127.0.0.1: the page at `/`, its controls below `/local`, and everything else is the service.
 *
 * @throws Error with the code `EADDRINUSE` when somebody else listens there.
 */
export async function listen(port: number, stream: EventStream): Promise<LocalServer> {
  let serve: (controlled: Controlled) => void = () => {}
  const ready = new Promise<Controlled>((resolve) => {
    serve = resolve
  })
  const server = createServer((request, response) => {
    respond(request, response, ready, stream).catch(() => response.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    serve,
    async close() {
      stream.close()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  ready: Promise<Controlled>,
  stream: EventStream,
): Promise<void> {
  const { method = 'GET', url = '/', headers } = request
  const [path] = url.split('?', 1)
  if (method === 'GET' && path === '/') {
    const page = await readFile(join(__dirname, 'page.html'))
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(page)
    return
  }
  if (method === 'GET' && path === '/local/events') return stream.add(response)
  const body = await bodyOf(request)
  if (body === undefined) return send(response, failure(413, 'Request Entity Too Large'))
  const controlled = await ready
  const call = { method, url, headers, body }
  send(response, await (path?.startsWith('/local/') ? control(call, controlled) : controlled.gateway.call(call)))
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

function send(response: ServerResponse, { statusCode, headers, cookies, body }: ApiAnswer): void {
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  response.writeHead(statusCode, { ...headers, 'content-length': body.length }).end(body)
}
