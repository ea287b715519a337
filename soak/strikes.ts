import type { Call } from './fleet'

/** `kill`: sessions end. `demotion`: sessions stay, with a server that takes no writes any more. */
type Kind = 'kill' | 'demotion'

interface Strike {
  readonly kind: Kind
  readonly from: number
  to: number
}

/** How a client hears that its session has ended. Without a code it is pg's own word for the end of the connection. */
const LOST = new Set(['57P01', '57P02', 'ECONNRESET', 'EPIPE', 'no code'])

/** Tasks on a client that is lent: what is asked next has no other session. */
const LENT = new Set(['client', 'use'])

/** What ended sessions and when, and so which calls had to fail. */
export class Strikes {
  readonly #strikes: Strike[] = []
  readonly #hit = new Set<string>()

  async during(kind: Kind, happens: () => Promise<void>): Promise<void> {
    const strike: Strike = { kind, from: performance.now(), to: Number.POSITIVE_INFINITY }
    this.#strikes.push(strike)
    try {
      await happens()
    } finally {
      strike.to = performance.now()
    }
  }

  /**
   * Whether nobody could have kept the call from failing: its session was ended while a statement of its own ran there, or while it was
   * lent to it; or stayed with a demoted server, once for each demotion.
   */
  hadTo({ entry, environment, failed, began, ended }: Call): boolean {
    if (failed === undefined) return false
    const isLent = LENT.has(entry.does)
    if (LOST.has(failed.code)) {
      const wasHeld = isLent || failed.retry === 'unknown'
      return wasHeld && this.#strikes.some(({ kind, from, to }) => kind === 'kill' && began <= to && ended >= from)
    }
    if (failed.code === '25006' && isLent) {
      const last = this.#strikes.findLastIndex(({ kind, from }) => kind === 'demotion' && from <= ended)
      const hit = `${last} ${environment}`
      const isFirst = last !== -1 && !this.#hit.has(hit)
      this.#hit.add(hit)
      return isFirst
    }
    return false
  }
}
