import type { DatabaseFaults } from './database'
import type { Fleet } from './fleet'
import type { Gateway } from './gateway'
import type { Misdeed } from './misbehaving'
import type { EventStream } from './stream'

/** What can be done to the service. */
export const FAULTS = [
  'end-sessions',
  'restart-database',
  'lose-packets',
  'rotate-password',
  'slow-query',
  'leaked-client',
  'missing-await',
] as const

export type FaultName = (typeof FAULTS)[number]

/** What a fault met, and what became of whoever came next. */
export interface Showing {
  readonly fault: FaultName
  readonly did: string
  readonly next: string
  /** Whether the next one got its answer. */
  readonly isWell: boolean
}

/** What faults need. */
export interface Victims {
  readonly gateway: Gateway
  readonly orders: Fleet
  readonly misbehaving: Fleet
  readonly fleets: readonly Fleet[]
  readonly database: DatabaseFaults
  readonly stream: EventStream
}

export const MISBEHAVING = 'misbehaving'

const MISDEEDS: Readonly<Record<Misdeed, string>> = {
  'slow-query': 'a query of 60 s in a call that may take 3 s',
  'leaked-client': 'a client that nobody releases',
  'missing-await': 'a query of 60 s that nobody awaits',
}

const ORDER = Buffer.from('{"customer":"Ada","lines":[{"product":"tea","quantity":1}]}')

/** Has a fault happen, and then lets somebody come who must not notice: both are told, the fault as soon as it is there. */
export class Faults {
  readonly #victims: Victims

  constructor(victims: Victims) {
    this.#victims = victims
  }

  async show(fault: FaultName): Promise<Showing> {
    switch (fault) {
      case 'end-sessions':
        await this.#warm()
        return this.#thenOrder(fault, `${plural(await this.#victims.database.endSessions(), 'session')} ended`)
      case 'restart-database':
        await this.#warm()
        this.#tell(fault, 'the database restarts')
        await this.#victims.database.restart()
        return this.#order(fault, 'the database was restarted')
      case 'lose-packets':
        await this.#warm()
        return this.#thenOrder(fault, `${plural(this.losePackets(), 'connection')} forgotten: packets are lost`)
      case 'rotate-password': {
        await this.#warm()
        await this.#victims.database.rotatePassword()
        const ended = await this.#victims.database.endSessions()
        return this.#thenOrder(fault, `another password, and ${plural(ended, 'session')} ended`)
      }
      default:
        return this.#misbehave(fault)
    }
  }

  /** Ends the sessions of one environment; says how many. */
  async endSessionsOf(pid: number): Promise<number> {
    const ended = await this.#victims.database.endSessions(pid)
    this.#tell('end-sessions', `${plural(ended, 'session')} of ${pid} ended`)
    return ended
  }

  /** The flows of all environments are forgotten; says of how many connections. */
  losePackets(): number {
    return this.#victims.fleets.reduce((met, fleet) => met + fleet.strike('deaf'), 0)
  }

  /** The flows of one environment are forgotten; says of how many connections. */
  losePacketsOf(fleet: Fleet, id: string): number {
    const met = fleet.strike('deaf', id)
    this.#tell('lose-packets', `${plural(met, 'connection')} of an environment forgotten`)
    return met
  }

  /** One that was called once keeps no session: there would be nothing to lose. */
  async #warm(): Promise<void> {
    const isWarm = this.#victims.orders.look().some(({ state, invocations }) => state === 'frozen' && invocations > 1)
    if (isWarm) return
    for (let time = 0; time < 2; time++) await this.#placeOrder()
  }

  #thenOrder(fault: FaultName, did: string): Promise<Showing> {
    this.#tell(fault, did)
    return this.#order(fault, did)
  }

  async #order(fault: FaultName, did: string): Promise<Showing> {
    const { statusCode, millis } = await this.#placeOrder()
    return this.#shown({
      fault,
      did,
      next: `the next order: ${statusCode} in ${millis} ms`,
      isWell: statusCode === 201,
    })
  }

  async #placeOrder(): Promise<{ statusCode: number; millis: number }> {
    const began = performance.now()
    const headers = { 'content-type': 'application/json' }
    const { statusCode } = await this.#victims.gateway.call({ method: 'POST', url: '/orders', headers, body: ORDER })
    return { statusCode, millis: Math.round(performance.now() - began) }
  }

  async #misbehave(does: Misdeed): Promise<Showing> {
    const { misbehaving } = this.#victims
    this.#tell(does, MISDEEDS[does])
    const { outcome, latencyMillis, billedMillis, error } = await misbehaving.invoke({ does })
    const came = outcome === 'response' ? 'answers' : `fails (${error?.errorMessage ?? outcome})`
    const took = `${Math.round(Math.max(latencyMillis, billedMillis))} ms`
    const after = await misbehaving.invoke({})
    const next = `the next call: ${after.outcome} in ${Math.round(after.latencyMillis)} ms`
    const did = `${MISDEEDS[does]}: the call ${came} after ${took}`
    return this.#shown({ fault: does, did, next, isWell: after.outcome === 'response' })
  }

  #tell(fault: FaultName, text: string): void {
    this.#victims.stream.tell('fault', { at: Date.now(), fault, text })
  }

  #shown(showing: Showing): Showing {
    this.#victims.stream.tell('shown', { at: Date.now(), ...showing })
    return showing
  }
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
