import { systemClock, type Timer } from '../../../pool/clock.js'
import type { Checkout } from '../../../pool/slot.js'
import { askQuietly, isBusy, isUsable, type PgClient } from '../../connection/pg-client.js'
import { leaseOf } from '../../connection/session/lease.js'
import { SyncPing } from '../../connection/statements/sync-ping.js'

/**
 * The lease is for what is idle. A client that somebody holds, and asks nothing of, is pinged before its lease is over, so that its session
 * lives on with its locks, its LISTEN and its transaction; one whose environment vanished is pinged by nobody.
 *
 * There is one timer, and none as long as nothing is lent for long: it rings a few times in a lease, and goes when nothing is lent.
 */
export class KeepAlive {
  readonly #clients: ReadonlySet<Checkout<PgClient>>
  #timer: Timer | undefined
  /** In which it rings, ms. */
  #everyMillis = Infinity

  constructor(clients: ReadonlySet<Checkout<PgClient>>) {
    this.#clients = clients
  }

  /** To be called when a client is lent. */
  lent(client: PgClient): void {
    const millis = leaseOf(client) / 3
    if (millis >= this.#everyMillis) return
    this.#timer?.cancel()
    this.#everyMillis = millis
    this.#timer = systemClock.setTimer(millis, () => this.#ring())
  }

  end(): void {
    this.#timer?.cancel()
  }

  #ring(): void {
    this.#everyMillis = Infinity
    for (const { state, resource } of this.#clients) {
      if (state !== 'open') continue
      this.lent(resource)
      // What is at work is not idle, and a ping would close what a cursor reads from.
      const isQuiet = resource.connection !== undefined && isUsable(resource) && !isBusy(resource)
      if (isQuiet) askQuietly(resource, new SyncPing(() => {}))
    }
  }
}
