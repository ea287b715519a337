import type { LogLine } from '../../testing/index.js'
import type { EventStream } from '../page/stream.js'
import type { Fleet, FleetObserver, Side } from './fleet.js'
import type { SessionWatch } from './sessions.js'

/** A call is over in a few milliseconds: one that begins and ends between two looks is seen by its count. */
const LOOK_MILLIS = 50
const LOOK_AT_SESSIONS_MILLIS = 250
const TELL_AGAIN_MILLIS = 30_000

const REPORT = '{"pg-thaw:invocation":'
/** What an environment writes that has taken pg.Pool in place of pg-thaw. */
export const REPLACED = 'pg-thaw:replaced'

/** How many sessions there are from a moment on; null where the database does not answer. */
interface Load {
  readonly at: number
  readonly count: number | null
  /** Those of pg.Pool, which are not in the count. */
  readonly beside: number | null
}

/** Looks at the fleets and at the database, and tells what it sees. */
export class Watch {
  readonly fleets: Fleet[] = []
  /** What fleets are made with. */
  readonly observer: FleetObserver
  readonly #stream: EventStream
  readonly #sessions: SessionWatch
  readonly #timers: NodeJS.Timeout[] = []
  #isLooking = false
  #last: Load | undefined

  constructor(stream: EventStream, sessions: SessionWatch) {
    this.#stream = stream
    this.#sessions = sessions
    this.observer = {
      changed: () => this.look(),
      called: (call) => stream.tell('call', call),
      moved: (view) => stream.tell('lane', view),
    }
  }

  /** Begins to look by itself, after the first look. */
  async start(): Promise<void> {
    await this.lookAtSessions()
    this.look()
    this.#timers.push(
      setInterval(() => this.look(), LOOK_MILLIS),
      setInterval(() => void this.lookAtSessions(), LOOK_AT_SESSIONS_MILLIS),
    )
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  look(): void {
    const views = this.fleets.flatMap((fleet) => fleet.look())
    this.#stream.update('environments', views)
  }

  /** What a function wrote, or what its pool did in a call (src/local/preload.mts). */
  tellLine(name: string, side: Side, { environmentId, text }: LogLine): void {
    const at = Date.now()
    if (text === REPLACED) return
    if (!text.startsWith(REPORT)) return this.#stream.tell('log', { at, environmentId, side, text })
    this.#stream.tell('report', { at, environmentId, function: name, ...JSON.parse(text)['pg-thaw:invocation'] })
  }

  /** One look at a time: who is connected, how many over time, and whether the database answers at all. */
  async lookAtSessions(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const { own, others } = await this.#sessions.look()
      this.#stream.update('sessions', own)
      this.#stream.update('others', others)
      this.#stream.update('database', { isUp: true })
      const beside = own.filter(({ side }) => side === 'pg.Pool').length
      this.#tellCount(own.length - beside, beside)
    } catch (error) {
      this.#stream.update('sessions', [])
      this.#stream.update('database', { isUp: false, reason: reasonOf(error) })
      this.#tellCount(null, null)
    } finally {
      this.#isLooking = false
    }
  }

  #tellCount(count: number | null, beside: number | null): void {
    const at = Date.now()
    const last = this.#last
    // Also when it stays: what was told long ago is forgotten.
    if (last?.count === count && last.beside === beside && at - last.at < TELL_AGAIN_MILLIS) return
    this.#last = { at, count, beside }
    this.#stream.tell('load', this.#last)
  }
}

/** Without the database's address: its code, or what it said. */
function reasonOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: string }
  return typeof code === 'string' ? code : (message ?? String(error))
}
