import { type Instant, systemClock } from '../../../pool/clock.js'
import type { PgClient } from '../pg-client.js'

const ANSWERED = Symbol('pg-thaw.answered')

type Listened = PgClient & { [ANSWERED]?: Instant }

/** Takes note that the server answered in this moment. */
export function noteAnswer(client: PgClient): void {
  ;(client as Listened)[ANSWERED] = systemClock.now()
}

/** From now on takes note of each answer to a borrower, who may keep the client for long after the last one. */
export function listenForAnswers(client: PgClient, isLent: () => boolean): void {
  client.connection?.on('readyForQuery', () => {
    if (isLent()) noteAnswer(client)
  })
}

/** When the server last answered, as far as anybody listened. The server's idle timer runs from there. */
export function lastAnswerOf(client: PgClient): Instant | undefined {
  return (client as Listened)[ANSWERED]
}
