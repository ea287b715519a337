import type { Instant } from '../../src/pool/clock'
import type { Condition, Connector, DialFailure, Opening } from '../../src/pool/connector'

/** What can be asked of the far side. */
export type Operation = 'dial' | 'ping' | 'reset' | 'close'

/**
 * How it answers: `ok` soon, `sync` at once without a promise, `reject` soon, `throw` at once, `slow` when
 * {@link FakeConnector.answer} says so, `never`.
 */
export type Gate = 'ok' | 'sync' | 'reject' | 'throw' | 'slow' | 'never'

/** What is local in a connector and may still throw. */
export type LocalCall = 'classify' | 'leaseMillis' | 'inspect' | 'lastAnswer' | 'destroy'

/** A connection that connects nothing. */
export interface FakeResource {
  readonly id: number
  readonly lost: (error: Error) => void
  /** What the next return finds. */
  condition: Condition
  /** When the far side last answered; unknown while undefined. */
  sign: Instant | undefined
  /** Whether the far side still counts it. */
  open: boolean
}

interface PendingAnswer {
  readonly operation: Operation
  readonly id: number
  answer(how: 'ok' | 'reject'): void
}

/** A connector whose every operation does what its gate says, with the far side's own count of what is open. */
export class FakeConnector implements Connector<FakeResource> {
  readonly gates: Record<Operation, Gate> = { dial: 'ok', ping: 'ok', reset: 'ok', close: 'ok' }
  /** Asked before {@link gates}: a gate for one resource. */
  gateOf: ((operation: Operation, id: number) => Gate | undefined) | undefined
  /** Called first thing in each operation, while the pool is still inside its call. */
  before: ((operation: Operation, resource: FakeResource) => void) | undefined
  /** Called first thing in each call that is local to a resource. */
  beforeLocal: ((call: LocalCall, resource: FakeResource) => void) | undefined
  /** Holds back the answers of the gates `ok` and `reject`. */
  hold: ((what: string) => Promise<unknown>) | undefined
  readonly throwing = new Set<LocalCall>()
  /** Whether every borrower heard from the far side just before it came back. */
  hears = false
  /** How long it keeps a resource that says nothing, ms. */
  lease = Number.POSITIVE_INFINITY
  /** Whether a dial that is given up lets go of what is half open, as it has to. */
  letsGo = true
  dialError: unknown = new Error('connection refused')
  failure: DialFailure = 'transient'
  /** All that happened, in order: `dial 1`, `dialled 1`, `abandoned 1`, `ping 1`, `reset 1`, `close 1`, `closed 1`, `destroy 1`. */
  readonly events: string[] = []
  readonly resources: FakeResource[] = []
  /** Most that were open at once, those included that were being dialled or closed. */
  mostOpen = 0
  #open = 0
  readonly #pending: PendingAnswer[] = []

  /** How many are open at the far side now, those included that are being dialled or closed. */
  get open(): number {
    return this.#open
  }

  /** How often an operation was asked for. */
  count(operation: Operation | 'destroy' | 'abandoned'): number {
    return this.events.filter((event) => event.startsWith(`${operation} `)).length
  }

  /** Those that wait for {@link answer}, first come first. */
  pending(operation: Operation): number[] {
    return this.#pending.filter((it) => it.operation === operation).map(({ id }) => id)
  }

  /** Answers the first, or the given, slow operation. */
  answer(operation: Operation, how: 'ok' | 'reject' = 'ok', id?: number): void {
    const place = this.#pending.findIndex((it) => it.operation === operation && (id === undefined || it.id === id))
    const [pending] = place < 0 ? [] : this.#pending.splice(place, 1)
    if (pending === undefined) throw new Error(`no ${operation} is waiting for an answer`)
    pending.answer(how)
  }

  answerAll(operation: Operation, how: 'ok' | 'reject' = 'ok'): void {
    while (this.pending(operation).length > 0) this.answer(operation, how)
  }

  /** The resource with this id, 1 being the first that was dialled. */
  resource(id: number): FakeResource {
    const resource = this.resources[id - 1]
    if (resource === undefined) throw new Error(`nothing was dialled under ${id}`)
    return resource
  }

  /** The far side takes a resource away. */
  lose(id: number, error = new Error('terminated by the administrator')): void {
    this.resource(id).lost(error)
  }

  dial(opening: Opening): FakeResource | Promise<FakeResource> {
    const resource: FakeResource = {
      id: this.resources.length + 1,
      lost: opening.lost,
      condition: 'clean',
      sign: undefined,
      open: true,
    }
    this.resources.push(resource)
    this.#open += 1
    this.mostOpen = Math.max(this.mostOpen, this.#open)
    opening.onAbandon = () => {
      this.#note('abandoned', resource)
      if (this.letsGo) this.#letGo(resource)
    }
    try {
      const answer = this.#ask('dial', resource, this.dialError)
      if (answer === undefined) return this.#dialled(resource)
      return answer.then(
        () => this.#dialled(resource),
        (error: unknown) => {
          this.#letGo(resource)
          throw error
        },
      )
    } catch (error) {
      this.#letGo(resource)
      throw error
    }
  }

  classify(): DialFailure {
    this.#maybeThrow('classify')
    return this.failure
  }

  ping(resource: FakeResource): void | Promise<void> {
    return this.#ask('ping', resource)
  }

  inspect(resource: FakeResource): Condition {
    this.beforeLocal?.('inspect', resource)
    this.#maybeThrow('inspect')
    return resource.condition
  }

  leaseMillis(resource: FakeResource): number {
    this.beforeLocal?.('leaseMillis', resource)
    this.#maybeThrow('leaseMillis')
    return this.lease
  }

  lastAnswer(resource: FakeResource, now: Instant): Instant | undefined {
    this.beforeLocal?.('lastAnswer', resource)
    this.#maybeThrow('lastAnswer')
    return this.hears ? now : resource.sign
  }

  reset(resource: FakeResource): void | Promise<void> {
    const clean = () => {
      resource.condition = 'clean'
    }
    const answer = this.#ask('reset', resource)
    return answer === undefined ? clean() : answer.then(clean)
  }

  close(resource: FakeResource): void | Promise<void> {
    const closed = () => {
      this.#note('closed', resource)
      this.#letGo(resource)
    }
    const answer = this.#ask('close', resource)
    return answer === undefined ? closed() : answer.then(closed)
  }

  destroy(resource: FakeResource): void {
    this.#note('destroy', resource)
    this.#letGo(resource)
    this.#maybeThrow('destroy')
  }

  #dialled(resource: FakeResource): FakeResource {
    this.#note('dialled', resource)
    return resource
  }

  #ask(operation: Operation, resource: FakeResource, error: unknown = new Error(`${operation} failed`)) {
    this.#note(operation, resource)
    this.before?.(operation, resource)
    const gate = this.gateOf?.(operation, resource.id) ?? this.gates[operation]
    switch (gate) {
      case 'ok':
        return this.#held(operation, resource)
      case 'sync':
        return undefined
      case 'reject':
        return this.#held(operation, resource).then(() => {
          throw error
        })
      case 'throw':
        throw error
      case 'slow':
        return new Promise<void>((resolve, reject) => {
          this.#pending.push({
            operation,
            id: resource.id,
            answer: (how) => (how === 'ok' ? resolve() : reject(error)),
          })
        })
      case 'never':
        return new Promise<void>(() => {})
      default:
        return gate satisfies never
    }
  }

  async #held(operation: Operation, { id }: FakeResource): Promise<void> {
    await this.hold?.(`${operation} ${id}`)
  }

  #note(what: string, { id }: FakeResource): void {
    this.events.push(`${what} ${id}`)
  }

  #letGo(resource: FakeResource): void {
    if (resource.open) this.#open -= 1
    resource.open = false
  }

  #maybeThrow(call: LocalCall): void {
    if (this.throwing.has(call)) throw new Error(`${call} threw`)
  }
}
