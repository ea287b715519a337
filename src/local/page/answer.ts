/** A request to the service, or to what is below `/local`. */
export interface LocalRequest {
  readonly method: string
  /** Path and query, as in the first line of the request. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export interface LocalAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly cookies?: readonly string[]
  readonly body: Buffer
}

/** Whoever answers all requests but those of the page itself. */
export type Serve = (request: LocalRequest) => Promise<LocalAnswer>

export function failure(statusCode: number, message: string): LocalAnswer {
  return json(statusCode, { message })
}

export function json(statusCode: number, body: unknown): LocalAnswer {
  const headers = { 'content-type': 'application/json' }
  return { statusCode, headers, body: Buffer.from(JSON.stringify(body ?? null)) }
}
