import type { Clock, Instant } from '../../pool/clock.js'
import type { PgClient } from './pg-client.js'

const SIGN = Symbol('pg-thaw.sign')

type Listened = PgClient & { [SIGN]?: Instant | 'just now' }

/**
 * Takes note that the server answered in this moment. For those who return the client at once: the pool reads the clock then, so
 * it need not be read for each answer.
 */
export function heardNow(client: PgClient): void {
  ;(client as Listened)[SIGN] = 'just now'
}

/** From now on takes note of each answer, for borrowers that may keep the client for long after the last one. */
export function listenForSigns(client: PgClient, clock: Clock): void {
  client.connection?.on('readyForQuery', () => {
    ;(client as Listened)[SIGN] = clock.now()
  })
}

/** When the server last answered, as far as anybody listened. The server's idle timer runs from there. */
export function lastSignOf(client: PgClient, now: Instant): Instant | undefined {
  const listened = client as Listened
  if (listened[SIGN] === 'just now') listened[SIGN] = now
  return listened[SIGN]
}
