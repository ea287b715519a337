import { request as plainRequest } from 'node:http'

/** An answer of a server. */
export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

export interface HttpRequest {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
  /** Longest time until the whole answer is there, ms. */
  readonly timeoutMillis: number
}

const LONGEST_BODY = 1_000_000

/**
 * One request on a connection of its own: what is kept open through a freeze is dead after it. `fetch` would do, but loading it
 * costs a cold start more than all of this.
 */
export async function httpRequest(url: URL, options: HttpRequest): Promise<HttpAnswer> {
  const { method = 'GET', headers = {}, body, signal, timeoutMillis } = options
  const request = url.protocol === 'https:' ? (await import('node:https')).request : plainRequest
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, signal, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > LONGEST_BODY) outgoing.destroy(coded('EMSGSIZE', 'the answer is too long'))
      })
      response.once('end', () => {
        clearTimeout(limit)
        resolve({ status: response.statusCode ?? 0, body: text })
      })
      response.once('error', fail)
    })
    const fail = (error: Error) => {
      clearTimeout(limit)
      reject(error)
    }
    const limit = setTimeout(
      () => outgoing.destroy(coded('ETIMEDOUT', `no answer in ${timeoutMillis} ms`)),
      timeoutMillis,
    )
    outgoing.once('error', fail)
    outgoing.end(body)
  })
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

/** The fields of a JSON object; none for anything else. The parser's error quotes what it read, so it goes no further. */
export function fieldsOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
