import type { ServerResponse } from 'node:http'

/** Server-sent events: each topic has a last value, which whoever comes later gets first. */
export class EventStream {
  readonly #listeners = new Set<ServerResponse>()
  readonly #last = new Map<string, string>()

  get hasListeners(): boolean {
    return this.#listeners.size > 0
  }

  /** Adds a listener, until it goes away. */
  add(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    for (const [topic, data] of this.#last) response.write(frame(topic, data))
    this.#listeners.add(response)
    response.once('close', () => this.#listeners.delete(response))
  }

  /** Tells the value of a topic, if it is another one than before. */
  update(topic: string, value: unknown): void {
    const data = JSON.stringify(value)
    if (this.#last.get(topic) === data) return
    this.#last.set(topic, data)
    this.#send(topic, data)
  }

  /** Tells what happened; nobody who comes later hears of it. */
  tell(topic: string, value: unknown): void {
    this.#send(topic, JSON.stringify(value))
  }

  close(): void {
    for (const listener of this.#listeners) listener.end()
  }

  #send(topic: string, data: string): void {
    for (const listener of this.#listeners) listener.write(frame(topic, data))
  }
}

function frame(topic: string, data: string): string {
  return `event: ${topic}\ndata: ${data}\n\n`
}
