import type { EnvironmentInfo, InvocationRecord, LocalLambda, RelayFault } from '../../testing/index.js'

/** What answers the functions' imports of `pg-thaw`: itself, or the pool of `pg` beside it. */
export type Side = 'pg-thaw' | 'pg.Pool'

/** A function, as the page shows it. */
export interface FunctionFacts {
  readonly name: string
  /** Most environments at once. */
  readonly concurrency: number
  /** Most sessions of one environment, where it is known. */
  readonly max: number | undefined
}

/** One environment, as the page shows it. */
export interface EnvironmentView {
  readonly id: string
  readonly function: string
  readonly side: Side
  readonly pid: number
  readonly state: EnvironmentInfo['state'] | 'gone'
  /** When it came into this state, ms since the epoch. */
  readonly since: number
  readonly invocations: number
  /** Its last call. */
  readonly lastMillis: number | undefined
  /** How it ended, once it is gone. */
  readonly end: End | undefined
}

/** `retired` after having said goodbye, `killed` without a word, or whatever its last call came to. */
export type End = 'retired' | 'killed' | 'timeout' | 'crash' | 'init-error'

/** A call that is over. */
export interface Call {
  readonly function: string
  readonly side: Side
  readonly environmentId: string
  readonly outcome: InvocationRecord['outcome']
  /** Whether nothing came of it, or an answer with a status from 500 on. */
  readonly failed: boolean
  readonly cold: boolean
  readonly millis: number
  readonly initMillis: number | undefined
  readonly at: number
}

/** Who wants to know what happens. */
export interface FleetObserver {
  /** An environment was taken or has come back. */
  changed(): void
  called(call: Call): void
  /** An environment has come into another state. */
  moved(view: EnvironmentView): void
}

/** Those that are gone are shown for longer than a session can outlive them, and no more than so many. */
const GONE_MILLIS = 90_000
const MOST_GONE = 12

/** One function: its environments, and what became of those it had. */
export class Fleet<Facts extends FunctionFacts = FunctionFacts> {
  readonly facts: Facts
  readonly side: Side
  /** Whoever is called with each event too, and is not waited for. */
  mirror: Fleet | undefined
  /** The mirror's last call; nothing where there was none, or too many ran. */
  mirrored: Promise<InvocationRecord | undefined> = Promise.resolve(undefined)
  /** When it was last called, ms since the epoch; 0 as long as nobody has. */
  lastCallAt = 0
  readonly #lambda: LocalLambda
  readonly #pending = new Set<Promise<unknown>>()
  readonly #observer: FleetObserver
  /** Also those that are gone. */
  readonly #views = new Map<string, EnvironmentView>()
  readonly #ends = new Map<string, End>()
  readonly #lastMillis = new Map<string, number>()

  constructor(facts: Facts, lambda: LocalLambda, observer: FleetObserver, side: Side = 'pg-thaw') {
    this.facts = facts
    this.side = side
    this.#lambda = lambda
    this.#observer = observer
  }

  /** Calls the function; rejects as {@link LocalLambda.invoke} does. */
  async invoke(event: unknown): Promise<InvocationRecord> {
    const pending = this.#lambda.invoke(event)
    this.lastCallAt = Date.now()
    // What it comes to is told, and no concern of this caller.
    if (this.mirror !== undefined) this.mirrored = this.mirror.invoke(event).catch(() => undefined)
    this.#pending.add(pending)
    // One that was frozen runs in a moment, and may be frozen again at the next look.
    setImmediate(() => this.#observer.changed())
    try {
      const record = await pending
      this.#tell(record)
      return record
    } finally {
      this.#pending.delete(pending)
    }
  }

  /** Resolves when no call runs any more. */
  async quiet(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
  }

  /** Whether it has or had such an environment. */
  has(environmentId: string): boolean {
    return this.#views.has(environmentId)
  }

  /** The process of an environment that it has or had. */
  pidOf(environmentId: string): number {
    return this.#views.get(environmentId)?.pid ?? 0
  }

  /** Ends an environment, or all, as failing hosts do. */
  async kill(environmentId?: string): Promise<void> {
    const ids = environmentId === undefined ? this.#lambda.environments.map(({ id }) => id) : [environmentId]
    for (const id of ids) this.#ends.set(id, 'killed')
    await this.#lambda.vanish(ids)
  }

  /** Ends an idle environment as Lambda does when it is not needed any more. */
  retire(environmentId: string): Promise<void> {
    return this.#lambda.scaleIn([environmentId])
  }

  /** Has the network do this to the open connections of an environment, or of all, and says how many there were. */
  strike(fault: RelayFault, environmentId?: string): number {
    return this.#lambda.strike(fault, environmentId === undefined ? undefined : [environmentId])
  }

  /** All environments, in the order in which they were made. */
  look(now = Date.now()): readonly EnvironmentView[] {
    const present = new Map(this.#lambda.environments.map((environment) => [environment.id, environment]))
    for (const { id, pid, state, invocations } of present.values()) {
      const before = this.#views.get(id)
      const since = before?.state === state && before.invocations === invocations ? before.since : now
      const lastMillis = this.#lastMillis.get(id)
      const facts = { id, function: this.facts.name, side: this.side, pid, state, since, invocations, lastMillis }
      this.#see({ ...facts, end: undefined })
    }
    for (const [id, view] of this.#views) {
      if (present.has(id) || view.state === 'gone') continue
      this.#see({ ...view, state: 'gone', since: now, end: this.#ends.get(id) ?? 'retired' })
    }
    this.#forget(now)
    return [...this.#views.values()]
  }

  #tell({ environmentId, outcome, response, cold, latencyMillis, initMillis }: InvocationRecord): void {
    if (outcome === 'timeout' || outcome === 'crash' || outcome === 'init-error') {
      if (!this.#ends.has(environmentId)) this.#ends.set(environmentId, outcome)
    }
    this.#lastMillis.set(environmentId, latencyMillis)
    const failed = outcome !== 'response' || isServerError(response)
    const facts = { environmentId, outcome, failed, cold, millis: latencyMillis, initMillis, at: Date.now() }
    this.#observer.called({ function: this.facts.name, side: this.side, ...facts })
    this.#observer.changed()
  }

  #see(view: EnvironmentView): void {
    const before = this.#views.get(view.id)
    this.#views.set(view.id, view)
    if (before?.state !== view.state) this.#observer.moved(view)
  }

  #forget(now: number): void {
    const gone = [...this.#views.values()].filter(({ state }) => state === 'gone')
    for (const [place, { id, since }] of gone.entries()) {
      if (now - since < GONE_MILLIS && place >= gone.length - MOST_GONE) continue
      for (const facts of [this.#views, this.#ends, this.#lastMillis]) facts.delete(id)
    }
  }
}

/** As functions behind an HTTP API say it, which have caught the error. */
function isServerError(response: unknown): boolean {
  const { statusCode } = (response ?? {}) as { readonly statusCode?: unknown }
  return typeof statusCode === 'number' && statusCode >= 500
}
