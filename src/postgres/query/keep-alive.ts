import { systemClock, type Timer } from '../../pool/clock.js'
import type { Checkout } from '../../pool/slot.js'
import { askQuietly, isBusy, isUsable, type PgClient } from '../connection/pg-client.js'
import { SyncPing } from '../connection/statements/sync-ping.js'

/**
 * The lease is for what is idle. A client that somebody holds, and asks nothing of, is pinged before its lease is over, so that its session
 * lives on with its locks, its LISTEN and its transaction; one whose environment vanished is pinged by nobody.
 *
 * There is one timer, and none as long as nothing is lent for long: it rings a few times in a lease, and goes when nothing is lent.
 */
export class KeepAlive {
  readonly #clients: ReadonlySet<Checkout<PgClient>>
  readonly #everyMillis: number
  #timer: Timer | undefined

  constructor(clients: ReadonlySet<Checkout<PgClient>>, leaseMillis: number) {
    this.#clients = clients
    this.#everyMillis = leaseMillis / 3
  }

  /** To be called when a client is lent. */
  lent(): void {
    this.#timer ??= systemClock.setTimer(this.#everyMillis, () => this.#ring())
  }

  end(): void {
    this.#timer?.cancel()
  }

  #ring(): void {
    this.#timer = undefined
    let isOut = false
    for (const { state, resource } of this.#clients) {
      if (state !== 'open') continue
      isOut = true
      // What is at work is not idle, and a ping would close what a cursor reads from.
      const isQuiet = resource.connection !== undefined && isUsable(resource) && !isBusy(resource)
      if (isQuiet) askQuietly(resource, new SyncPing(() => {}))
    }
    if (isOut) this.lent()
  }
}
