import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { LocalLambdaError } from '../errors.js'
import { isAddress } from '../options.js'
import { RelayConnection } from './relay-connection.js'

/**
 * What the network does to the connections of a frozen environment.
 *
 * - `'process'`: the kernel is alive. Everything is forwarded during the freeze, and waits in the client's kernel.
 * - `'paused-machine'`: the whole machine stands still. What the server sends meanwhile is lost, its close too. After
 *   the thaw a connection that lost something answers the client's first bytes with a reset; others go on.
 * - `'reset'`: something between forgot every flow, and answers the first bytes after the thaw with a reset. The server
 *   hears nothing of it.
 * - `'forgotten-flow'`: something between forgot every flow, and says nothing: bytes are swallowed. New connections work.
 *
 * In all of them, what the client had sent before the freeze still reaches the server, and a connection on which the
 * client had already said goodbye is let go normally.
 */
export type FreezeModel = 'process' | 'paused-machine' | 'reset' | 'forgotten-flow'

/**
 * What the network can do to a connection while both sides are awake.
 *
 * - `'cut'`: both sides are told that the other has closed.
 * - `'reset'`: both sides are told that the other never heard of the connection.
 * - `'deaf'`: nothing passes any more, and nobody is told.
 * - `'slow'`: each packet is held back, both ways.
 * - `'half-open'`: the server's side is closed, and the client isn't told; a reset answers its next bytes.
 */
export type RelayFault = 'cut' | 'reset' | 'deaf' | 'slow' | 'half-open'

/** Options of {@link startRelay}. */
export interface RelayOptions {
  /** Where the database listens. */
  host: string
  port: number
  /** Default `'process'`. */
  freezeModel?: FreezeModel
  /** How long `'slow'` holds a packet back, each way, ms. Default 100. */
  slowMillis?: number
}

/** What the network is doing: forwarding, holding a frozen client, or left behind by a client that is gone. */
export type RelayPhase = 'up' | 'frozen' | 'gone'

/**
 * A TCP relay between one environment and its database, on 127.0.0.1 and in this process, so that the network of a
 * freeze can be played without root.
 *
 * A database that refuses the connection is seen as a reset right after connecting, because the relay has accepted by
 * then. Keepalive probes of the server are answered by the relay's kernel, also when the client is frozen or gone.
 */
export class Relay {
  /** Where the client connects. */
  readonly host = '127.0.0.1'
  /** What meets each connection that is opened from here on. Default none. */
  newcomersMeet: RelayFault | undefined
  #options: Required<RelayOptions>
  readonly #connections = new Set<RelayConnection>()
  readonly #server: Server
  #phase: RelayPhase = 'up'
  #connects = 0
  #port = 0

  private constructor(options: Required<RelayOptions>) {
    this.#options = options
    // Half-closes are relayed one by one, so neither side may be closed for us.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#connect(client))
  }

  /** Starts to listen on a free port. */
  static async start(options: RelayOptions): Promise<Relay> {
    if (!isAddress(options)) throw noAddress('Expected the options of a relay')
    const relay = new Relay({ freezeModel: 'process', slowMillis: 100, ...options })
    await new Promise<void>((resolve, reject) => {
      relay.#server.once('error', reject).listen(0, relay.host, resolve)
    })
    relay.#port = (relay.#server.address() as AddressInfo).port
    return relay
  }

  /** The port where the client connects. */
  get port(): number {
    return this.#port
  }

  /** Connections that were opened through the relay so far. */
  get connects(): number {
    return this.#connects
  }

  /** Sockets to the database that are open now, those of a vanished client too. */
  get openServerSides(): number {
    let open = 0
    for (const connection of this.#connections) if (connection.isServerSideOpen) open++
    return open
  }

  /** Nothing is open, and nothing can connect any more. */
  get isFinished(): boolean {
    return !this.#server.listening && this.#connections.size === 0
  }

  /** Does this to every connection that is open. */
  strike(fault: RelayFault): void {
    for (const connection of this.#connections) connection.strike(fault)
  }

  /**
   * Connections that are opened from here on lead to another database, as when a name is given another address; those that are open stay
   * where they are.
   * @throws LocalLambdaError `LAMBDA_OPTIONS` for what is no address.
   */
  redirect(to: { host: string; port: number }): void {
    if (!isAddress(to)) throw noAddress('Expected what a relay is redirected to')
    this.#options = { ...this.#options, host: to.host, port: to.port }
  }

  /** From here on the client is frozen. Call it when the client has stopped. */
  freeze(): void {
    if (this.#phase !== 'up') return
    this.#phase = 'frozen'
    for (const connection of this.#connections) connection.freeze()
  }

  /** The client goes on. Call it before the client does. */
  thaw(): void {
    if (this.#phase !== 'frozen') return
    for (const connection of this.#connections) connection.thaw()
    this.#phase = 'up'
  }

  /**
   * The client is about to vanish in silence: no close of its sockets reaches the server any more, and nothing can
   * connect. The server's sides stay open until the server closes them, or {@link close}.
   */
  vanish(): void {
    this.#phase = 'gone'
    this.#server.close()
  }

  /** The client ended by itself: its closes pass through, and nothing can connect any more. */
  stopListening(): void {
    this.#server.close()
  }

  /** Closes everything, both sides of each connection. Idempotent. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #connect(client: Socket): void {
    this.#connects++
    const connection: RelayConnection = new RelayConnection(client, this.#options, {
      phase: () => this.#phase,
      onClosed: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    if (this.newcomersMeet !== undefined) connection.strike(this.newcomersMeet)
  }
}

/**
 * Starts a {@link Relay}.
 * @throws LocalLambdaError `LAMBDA_OPTIONS` for options that can't work.
 */
export function startRelay(options: RelayOptions): Promise<Relay> {
  return Relay.start(options)
}

function noAddress(expected: string): LocalLambdaError {
  return new LocalLambdaError(
    'LAMBDA_OPTIONS',
    `${expected} to be an object with a \`host\` and a \`port\` from 1 to 65535`,
  )
}
