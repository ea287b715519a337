import type { QueueView } from '../../../infra/local/queue'
import type { BesideView } from '../../../src/local/act/beside'
import type { Showing } from '../../../src/local/act/faults'
import type { Call, EnvironmentView } from '../../../src/local/watch/fleet'
import type { SessionView } from '../../../src/local/watch/sessions'

/** What the page hears, by topic. */
interface Topics {
  environments: EnvironmentView[]
  sessions: SessionView[]
  queue: QueueView
  call: Call
  log: { environmentId: string; text: string }
  lane: EnvironmentView
  load: { at: number; count: number | null; beside: number | null }
  database: { isUp: boolean; reason?: string }
  others: number
  beside: BesideView
  report: {
    environmentId: string
    function: string
    lost: number
    dials: number
    unfinished: number
    waitMillis: number
  }
  fault: { at: number; fault: string; text: string }
  shown: Showing & { at: number }
  service: { functions: { name: string; concurrency: number; max: number }[]; idleMillis: number }
}

type Heard = { [Topic in keyof Topics]: { readonly topic: Topic; readonly value: Topics[Topic] } }[keyof Topics]

/** Listens as the page does, and remembers everything. */
export class Listener {
  readonly heard: Heard[] = []
  readonly #abort = new AbortController()
  readonly #waiting = new Set<() => void>()

  static async start(url: string): Promise<Listener> {
    const listener = new Listener()
    const { body } = await fetch(`${url}/local/events`, { signal: listener.#abort.signal })
    if (body === null) throw new Error('no events')
    void listener.#read(body.pipeThrough(new TextDecoderStream() as never))
    return listener
  }

  /** The values of a topic so far. */
  of<Topic extends keyof Topics>(topic: Topic): Topics[Topic][] {
    return this.heard.flatMap((it) => (it.topic === topic ? [it.value as Topics[Topic]] : []))
  }

  /** The first value of a topic, from the `from`th thing that was heard on, that is as asked for. */
  async until<Topic extends keyof Topics>(
    topic: Topic,
    isMeant: (value: Topics[Topic]) => boolean,
    from = 0,
    withinMillis = 15_000,
  ): Promise<Topics[Topic]> {
    let isOver = false
    const timer = setTimeout(() => {
      isOver = true
      this.#wake()
    }, withinMillis)
    try {
      for (;;) {
        for (const it of this.heard.slice(from)) {
          if (it.topic === topic && isMeant(it.value as Topics[Topic])) return it.value as Topics[Topic]
        }
        if (isOver) throw new Error(`Not heard of ${topic}; the last: ${JSON.stringify(this.of(topic).at(-1))}`)
        await new Promise<void>((resolve) => this.#waiting.add(resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  stop(): void {
    this.#abort.abort()
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  async #read(texts: ReadableStream<string>): Promise<void> {
    let rest = ''
    try {
      for await (const text of texts as unknown as AsyncIterable<string>) {
        const frames = (rest + text).split('\n\n')
        rest = frames.pop() ?? ''
        for (const frame of frames) {
          const [, topic, data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(frame) ?? []
          this.heard.push({ topic, value: JSON.parse(data) } as Heard)
        }
        this.#wake()
      }
    } catch {
      // It was stopped.
    }
  }
}
