import type { ServerResponse } from 'node:http'

/** What was told is kept for as long, ms, and no more than so many of a topic. */
const HISTORY_MILLIS = 10 * 60_000
const MOST_KEPT = 1000

interface Told {
  readonly at: number
  readonly frame: string
}

/** Server-sent events: whoever comes later gets first what happened, and then how things stand. */
export class EventStream {
  readonly #listeners = new Set<ServerResponse>()
  readonly #last = new Map<string, string>()
  readonly #told = new Map<string, Told[]>()

  /** Adds a listener, until it goes away. */
  add(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    for (const { frame } of this.#history()) response.write(frame)
    for (const [topic, data] of this.#last) response.write(frame(topic, data))
    this.#listeners.add(response)
    response.once('close', () => this.#listeners.delete(response))
  }

  /** Tells the value of a topic, if it is another one than before. */
  update(topic: string, value: unknown): void {
    const data = JSON.stringify(value)
    if (this.#last.get(topic) === data) return
    this.#last.set(topic, data)
    this.#send(frame(topic, data))
  }

  /** Tells what happened. */
  tell(topic: string, value: unknown, at = Date.now()): void {
    const told = this.#told.get(topic) ?? []
    this.#told.set(topic, told)
    const it = { at, frame: frame(topic, JSON.stringify(value)) }
    told.push(it)
    while (told.length > MOST_KEPT || (told[0]?.at ?? at) < at - HISTORY_MILLIS) told.shift()
    this.#send(it.frame)
  }

  close(): void {
    for (const listener of this.#listeners) listener.end()
  }

  /** In the order in which it was told. */
  #history(since = Date.now() - HISTORY_MILLIS): Told[] {
    const all = [...this.#told.values()].flat()
    return all.filter(({ at }) => at >= since).sort((a, b) => a.at - b.at)
  }

  #send(text: string): void {
    for (const listener of this.#listeners) listener.write(text)
  }
}

function frame(topic: string, data: string): string {
  return `event: ${topic}\ndata: ${data}\n\n`
}
