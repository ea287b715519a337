import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { RelayFault } from 'pg-thaw/testing'
import { RelayConnection } from '../../../src/testing/network/relay-connection'

/** The code in the first eight bytes of a CancelRequest: a connection that asks for no session. */
const CANCEL_REQUEST = 80877102

/** What this proxy can do to newcomers beside what a relay can. */
export type Reception = RelayFault | 'refuse'

interface Passage {
  readonly relayed: RelayConnection
  /** What the client calls itself, once it has asked for a session; missing for a CancelRequest. */
  applicationName: string | undefined
  /** Neither closed nor reset, as far as the client is concerned. */
  isClientOpen: boolean
  /** Something was done to it that nobody was told of: it is never well again. */
  isAfflicted: boolean
}

/**
 * A relay between pools and their server that strikes connections one by one, and keeps count of the sessions whose *client* side is open:
 * a session that the server has not ended yet although its client is gone is not the pool's any more.
 */
export class FaultProxy {
  readonly host = '127.0.0.1'
  /** Where the counts of one application name were higher than its limit. */
  readonly excesses: string[] = []
  readonly #target: { readonly host: string; readonly port: number }
  readonly #limits: Readonly<Record<string, number>>
  readonly #passages = new Set<Passage>()
  readonly #server: Server
  #reception: Reception | undefined
  #port = 0

  private constructor(target: { host: string; port: number }, limits: Readonly<Record<string, number>>) {
    this.#target = target
    this.#limits = limits
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#admit(client))
  }

  /** `limits`: most sessions that each application name may have open at once. */
  static async start(target: { host: string; port: number }, limits: Record<string, number>): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, limits)
    proxy.#server.listen(0, proxy.host)
    await once(proxy.#server, 'listening')
    proxy.#port = (proxy.#server.address() as AddressInfo).port
    return proxy
  }

  get port(): number {
    return this.#port
  }

  /** Strikes the `at`th connection (modulo their number), or all where it is missing. */
  strike(fault: RelayFault, at?: number): void {
    const all = [...this.#passages]
    const struck = at === undefined ? all : all.filter((_, index) => index === at % all.length)
    for (const passage of struck) this.#strike(passage, fault)
  }

  /** What was struck silently is reset, as by a network that has remembered: otherwise silence would have no end for whom nothing bounds. */
  resetAfflicted(): void {
    for (const passage of this.#passages) if (passage.isAfflicted) passage.relayed.strike('reset')
  }

  /** What meets newcomers from here on; `undefined` for a normal connection. */
  async receive(reception: Reception | undefined): Promise<void> {
    this.#reception = reception
    if (reception === 'refuse') {
      this.#server.close()
      return
    }
    // The port was free a moment ago; where somebody has it now, they will be done soon.
    for (let attempt = 0; !this.#server.listening; attempt += 1) {
      this.#server.listen(this.#port, this.host)
      await once(this.#server, 'listening').catch(async (error) => {
        if (attempt === 100) throw error
        await pause(20)
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) this.#server.close()
    for (const { relayed } of this.#passages) relayed.destroy()
    while (this.#passages.size > 0) await pause(5)
  }

  #admit(client: Socket): void {
    const relayed: RelayConnection = new RelayConnection(
      client,
      { ...this.#target, freezeModel: 'process', slowMillis: 15 },
      { phase: () => 'up', onClosed: () => this.#passages.delete(passage) },
    )
    const passage: Passage = { relayed, applicationName: undefined, isClientOpen: true, isAfflicted: false }
    this.#passages.add(passage)
    client.once('data', (first) => this.#identify(passage, first))
    const gone = () => {
      passage.isClientOpen = false
    }
    client.once('end', gone).once('close', gone)
    if (this.#reception !== undefined && this.#reception !== 'refuse') this.#strike(passage, this.#reception)
  }

  #strike(passage: Passage, fault: RelayFault): void {
    if (fault === 'deaf' || fault === 'half-open') passage.isAfflicted = true
    passage.relayed.strike(fault)
  }

  #identify(passage: Passage, first: Buffer): void {
    if (first.length >= 8 && first.readUInt32BE(4) === CANCEL_REQUEST) return
    const [, name = 'nobody'] = /application_name\0([^\0]*)\0/.exec(first.toString('latin1')) ?? []
    passage.applicationName = name
    // The kernel may tell of a close after what the client did next: all that it knows by now is heard in two turns.
    setImmediate(() => setImmediate(() => this.#count(name)))
  }

  #count(name: string): void {
    const open = [...this.#passages].filter((it) => it.isClientOpen && it.applicationName === name).length
    if (open > (this.#limits[name] ?? 0)) this.excesses.push(`${open} sessions of ${name} at once`)
  }
}
