import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** What becomes of a connection: closed, reset, or silent while all that the client says still reaches the server. */
export type Ending = 'cut' | 'reset' | 'swallow'

/** What a connection meets next. */
export interface AnswerFault {
  /** So many bytes of the server's answers are passed on first; `before` strikes at once, when nothing has been asked yet. */
  readonly after: number | 'before'
  readonly ending: Ending
}

interface Passage {
  readonly client: Socket
  readonly upstream: Socket
  fault: AnswerFault | undefined
  /** Bytes of answers that may still pass. */
  left: number
  isStruck: boolean
}

/**
 * A proxy that ends what the server says at an exact byte. Whatever the client says is always passed on: the server does what it was
 * asked, and nobody hears of it. That is the hardest case for whoever wants to run something again.
 */
export class AnswerProxy {
  readonly host = '127.0.0.1'
  /** Faults that have struck. */
  struck = 0
  readonly #target: { readonly host: string; readonly port: number }
  readonly #silenceMillis: number
  readonly #server: Server
  readonly #passages = new Set<Passage>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #dribbles = false

  private constructor(target: { host: string; port: number }, silenceMillis: number) {
    this.#target = target
    this.#silenceMillis = silenceMillis
    this.#server = createServer({ noDelay: true }, (client) => this.#admit(client))
  }

  /** `silenceMillis`: after so long, silence ends with a reset, for those whom nothing else bounds. */
  static async start(target: { host: string; port: number }, silenceMillis: number): Promise<AnswerProxy> {
    const proxy = new AnswerProxy(target, silenceMillis)
    proxy.#server.listen(0, proxy.host)
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** From here on answers arrive message by message, each in a turn of the event loop of its own, or as they come. */
  dribble(dribbles: boolean): void {
    this.#dribbles = dribbles
  }

  /** Each open connection meets the next one of these faults, in the order in which they were opened; `undefined` for none. */
  arm(faults: readonly (AnswerFault | undefined)[]): void {
    let at = 0
    for (const passage of this.#passages) {
      if (passage.isStruck) continue
      passage.fault = faults[at % faults.length]
      passage.left = typeof passage.fault?.after === 'number' ? passage.fault.after : 0
      if (passage.fault?.after === 'before') this.#strike(passage, passage.fault)
      at += 1
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    for (const timer of this.#timers) clearTimeout(timer)
    for (const { client, upstream } of this.#passages) for (const socket of [client, upstream]) socket.destroy()
    while (this.#passages.size > 0) await pause(5)
  }

  #admit(client: Socket): void {
    const upstream = connect({ ...this.#target, noDelay: true })
    const passage: Passage = { client, upstream, fault: undefined, left: 0, isStruck: false }
    this.#passages.add(passage)
    // The server is told by a mere end, so that it does whatever has reached it.
    client.on('error', () => {}).on('close', () => upstream.end())
    upstream
      .on('error', () => {})
      .on('close', () => {
        this.#passages.delete(passage)
        client.destroy()
      })
    client.on('data', (chunk) => upstream.write(chunk))
    upstream.on('data', (chunk) => this.#answer(passage, chunk))
    upstream.on('end', () => passage.isStruck || client.end())
  }

  #answer(passage: Passage, chunk: Buffer): void {
    const { client, upstream, fault, left } = passage
    if (passage.isStruck) return
    if (fault !== undefined && chunk.length > left) {
      if (left > 0) client.write(chunk.subarray(0, left))
      return this.#strike(passage, fault)
    }
    passage.left -= chunk.length
    if (!this.#dribbles) return void client.write(chunk)
    upstream.pause()
    void inMessages(client, chunk).then(() => upstream.resume())
  }

  #strike(passage: Passage, { ending }: AnswerFault): void {
    const { client, upstream } = passage
    passage.isStruck = true
    this.struck += 1
    if (ending === 'cut') client.end(() => client.destroy())
    else if (ending === 'reset') reset(client, upstream)
    else {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        reset(client, upstream)
      }, this.#silenceMillis)
      this.#timers.add(timer)
    }
  }
}

/** One that its client is ending at that moment may never say that it is closed. */
function reset(client: Socket, upstream: Socket): void {
  client.resetAndDestroy()
  upstream.end()
}

/** A message is its type, its length with these four bytes, and its content. What is not whole is passed on as it is. */
async function inMessages(client: Socket, chunk: Buffer): Promise<void> {
  for (let from = 0; from < chunk.length; ) {
    const to = from + 5 <= chunk.length ? Math.min(chunk.length, from + 1 + chunk.readUInt32BE(from + 1)) : chunk.length
    client.write(chunk.subarray(from, to))
    from = to
    await pause(2)
  }
}
