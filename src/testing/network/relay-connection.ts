import { connect, type Socket } from 'node:net'
import type { RelayFault, RelayOptions, RelayPhase } from './relay.js'

/** What a freeze or a fault has made of a connection. */
type Fate =
  /** Bytes and closes pass both ways. */
  | 'relaying'
  /** Something of the server was lost: the first packet of the client is answered by the server's reset. */
  | 'lost'
  /** Something between forgot the flow, and answers the client's first packet with a reset; the server hears nothing. */
  | 'disowned'
  /** Something between forgot the flow, and says nothing. */
  | 'forgotten'

/** What a connection asks and tells the relay it belongs to. */
export interface RelayConnectionContext {
  phase(): RelayPhase
  /** Both sockets are closed. */
  onClosed(): void
}

/** One connection through the relay: the client's socket, the server's socket, and what became of them. */
export class RelayConnection {
  readonly #client: Socket
  readonly #server: Socket
  readonly #model: Required<RelayOptions>['freezeModel']
  readonly #slowMillis: number
  readonly #context: RelayConnectionContext
  #fate: Fate = 'relaying'
  #isSlow = false

  constructor(client: Socket, options: Required<RelayOptions>, context: RelayConnectionContext) {
    this.#client = client
    this.#model = options.freezeModel
    this.#slowMillis = options.slowMillis
    this.#context = context
    this.#server = connect({ host: options.host, port: options.port, allowHalfOpen: true, noDelay: true })

    // An 'error' without a listener would end this process; what it means is told by the 'close' that follows.
    client.on('error', () => {})
    this.#server.on('error', () => {})
    client.on('data', (chunk) => this.#inTime(() => this.#clientSent(chunk)))
    client.on('end', () => this.#inTime(() => this.#clientEnded()))
    client.on('close', (hadError) => this.#inTime(() => this.#clientClosed(hadError)))
    this.#server.on('data', (chunk) => this.#inTime(() => this.#serverSent(chunk)))
    this.#server.on('end', () => this.#inTime(() => this.#serverEnded()))
    this.#server.on('close', (hadError) => this.#inTime(() => this.#serverClosed(hadError)))
  }

  /** The socket to the database is open, also half. */
  get isServerSideOpen(): boolean {
    return !this.#server.destroyed && !this.#server.connecting
  }

  strike(fault: RelayFault): void {
    switch (fault) {
      case 'cut':
        this.#client.end()
        this.#server.end()
        return
      case 'reset':
        this.#client.resetAndDestroy()
        this.#server.resetAndDestroy()
        return
      case 'deaf':
        this.#fate = 'forgotten'
        return
      case 'slow':
        this.#isSlow = true
        return
      case 'half-open':
        this.#fate = 'lost'
        this.#server.destroy()
        return
      default:
        fault satisfies never
    }
  }

  freeze(): void {
    // A paused server side would hide a loss until after the thaw.
    if (this.#model !== 'process') this.#server.resume()
  }

  thaw(): void {
    if (this.#hasClientSaidGoodbye || this.#fate !== 'relaying') return
    if (this.#model === 'reset') this.#fate = 'disowned'
    if (this.#model === 'forgotten-flow') this.#fate = 'forgotten'
  }

  destroy(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  /** In order, as all are held back for as long. */
  #inTime(happens: () => void): void {
    if (this.#isSlow) setTimeout(happens, this.#slowMillis).unref()
    else happens()
  }

  #clientSent(chunk: Buffer): void {
    if (this.#doesClientReachServer) forward(chunk, this.#client, this.#server)
    else this.#answerAfterThaw()
  }

  #clientEnded(): void {
    if (this.#isClientGone) this.#client.destroy()
    else if (this.#doesClientReachServer) this.#server.end()
    else this.#answerAfterThaw()
  }

  #clientClosed(hadError: boolean): void {
    if (!this.#isClientGone && this.#doesClientReachServer) hangUp(this.#server, hadError)
    // Nobody is left who could be slow: what the server still says is read and dropped, so that its close is heard.
    this.#server.resume()
    this.#settle()
  }

  #serverSent(chunk: Buffer): void {
    if (this.#doesServerReachClient) forward(chunk, this.#server, this.#client)
    else this.#lose()
  }

  #serverEnded(): void {
    if (this.#doesServerReachClient) {
      this.#client.end()
    } else {
      this.#lose()
      this.#server.end()
    }
  }

  #serverClosed(hadError: boolean): void {
    if (this.#doesServerReachClient) hangUp(this.#client, hadError)
    else this.#lose()
    // As above: what a paused client still has to say goes nowhere, but its close must be heard.
    this.#client.resume()
    this.#settle()
  }

  /** A frozen client can't send: what arrives during the freeze was sent before, and was on its way already. */
  get #doesClientReachServer(): boolean {
    return this.#fate === 'relaying' || this.#context.phase() === 'frozen'
  }

  get #doesServerReachClient(): boolean {
    const phase = this.#context.phase()
    switch (phase) {
      case 'up':
        return this.#fate === 'relaying'
      case 'frozen':
        return (this.#model === 'process' && this.#fate === 'relaying') || this.#hasClientSaidGoodbye
      case 'gone':
        return false
      default:
        return phase satisfies never
    }
  }

  get #isClientGone(): boolean {
    return this.#context.phase() === 'gone'
  }

  get #hasClientSaidGoodbye(): boolean {
    return this.#client.readableEnded || this.#client.destroyed
  }

  #lose(): void {
    if (this.#fate === 'relaying' && this.#model === 'paused-machine' && this.#context.phase() === 'frozen') {
      this.#fate = 'lost'
    }
  }

  /** A packet of the client met the consequence of a freeze. */
  #answerAfterThaw(): void {
    switch (this.#fate) {
      case 'lost':
        // The reset is the server's own: it has no such socket any more.
        this.#server.destroy()
        this.#client.resetAndDestroy()
        return
      case 'disowned':
        this.#client.resetAndDestroy()
        return
      case 'forgotten':
      case 'relaying':
        return
      default:
        this.#fate satisfies never
    }
  }

  #settle(): void {
    if (this.#client.destroyed && this.#server.destroyed) this.#context.onClosed()
  }
}

function forward(chunk: Buffer, from: Socket, to: Socket): void {
  if (to.destroyed || to.writableEnded) return
  if (to.write(chunk)) return
  from.pause()
  to.once('drain', () => from.resume())
}

/** Closes the other side as this one was closed: in order, or by a reset. */
function hangUp(socket: Socket, withReset: boolean): void {
  if (socket.destroyed) return
  if (withReset) socket.resetAndDestroy()
  else if (!socket.writableEnded) socket.end()
}
