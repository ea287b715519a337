import type { LocalLambda } from '../../testing/index.js'
import type { EventStream } from '../page/stream.js'
import { Fleet } from '../watch/fleet.js'
import type { Watch } from '../watch/watch.js'

/** How things stand with pg.Pool beside. */
export interface BesideView {
  readonly isOn: boolean
  /** Since when each call is mirrored, ms since the epoch. */
  readonly since: number | undefined
  /** Functions that are called on both sides. */
  readonly functions: readonly string[]
  /** Why others are not, by their names. */
  readonly refused: Readonly<Record<string, string>>
}

/** Starts a function once more, with the pool of `pg` in place of pg-thaw. @throws Error that says why that can't be. */
export type StartBeside = (fleet: Fleet) => Promise<LocalLambda>

const OFF: BesideView = { isOn: false, since: undefined, functions: [], refused: {} }

/** The same functions once more, with pg.Pool, and the same calls to them: nobody waits for what comes of those. */
export class Beside {
  readonly #watch: Watch
  readonly #stream: EventStream
  readonly #startOne: StartBeside
  #lambdas: LocalLambda[] = []
  #view = OFF
  /** Whoever presses twice is served one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(watch: Watch, stream: EventStream, startOne: StartBeside) {
    this.#watch = watch
    this.#stream = stream
    this.#startOne = startOne
    stream.update('beside', OFF)
  }

  /** From here on each call is made on both sides. Idempotent. */
  start(): Promise<BesideView> {
    return this.#inTurn(async () => {
      if (this.#view.isOn) return this.#view
      const originals = this.#watch.fleets.filter(({ side }) => side === 'pg-thaw')
      const refused: Record<string, string> = {}
      const started = await Promise.all(
        originals.map(async (fleet) => {
          try {
            return await this.#mirror(fleet)
          } catch (error) {
            refused[fleet.facts.name] = error instanceof Error ? error.message : String(error)
            return undefined
          }
        }),
      )
      const functions = started.flatMap((name) => name ?? [])
      return this.#tell({ isOn: functions.length > 0, since: Date.now(), functions, refused })
    })
  }

  /** Ends what was started. Idempotent. */
  stop(): Promise<BesideView> {
    return this.#inTurn(async () => {
      if (!this.#view.isOn) return this.#tell(OFF)
      const { fleets } = this.#watch
      for (const fleet of fleets) fleet.mirror = undefined
      await this.#closeAll()
      // The last look sees that they are gone.
      this.#watch.look()
      for (const fleet of fleets.filter(({ side }) => side === 'pg.Pool')) fleets.splice(fleets.indexOf(fleet), 1)
      this.#watch.look()
      return this.#tell(OFF)
    })
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#closeAll())
  }

  async #mirror(fleet: Fleet): Promise<string> {
    const lambda = await this.#startOne(fleet)
    this.#lambdas.push(lambda)
    const mirror = new Fleet(fleet.facts, lambda, this.#watch.observer, 'pg.Pool')
    this.#watch.fleets.push(mirror)
    fleet.mirror = mirror
    return fleet.facts.name
  }

  async #closeAll(): Promise<void> {
    await Promise.all(this.#lambdas.splice(0).map((lambda) => lambda.close()))
  }

  #tell(view: BesideView): BesideView {
    this.#view = view
    this.#stream.update('beside', view)
    return view
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act)
    this.#turn = turn.catch(() => {})
    return turn
  }
}
