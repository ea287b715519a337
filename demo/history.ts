import { setTimeout as pause } from 'node:timers/promises'
import type { InvocationRecord } from 'pg-thaw/testing'
import { type Contender, contenders, perContender } from './contenders/contender'
import type { DemoDatabase } from './database'
import type { CallPoint, SessionPoint } from './report/data'

/** Often enough to see a burst, seldom enough not to weigh on it. */
const sampleEveryMillis = 100

/** What happened when: each contender's sessions, as the server lists them, and calls. */
export class History {
  readonly sessions: Readonly<Record<Contender, SessionPoint[]>> = perContender((): SessionPoint[] => [[0, 0]])
  readonly calls: Readonly<Record<Contender, CallPoint[]>> = perContender((): CallPoint[] => [])
  readonly #startedAt = performance.now()
  readonly #contenderOf = new Map<string, Contender>()
  #watching: Promise<void> | undefined
  #stopped = false

  /** Seconds since the start, to a hundredth. */
  now(): number {
    return Math.round((performance.now() - this.#startedAt) / 10) / 100
  }

  /** From here on sessions of this user are the contender's. */
  attribute(user: string, contender: Contender): void {
    this.#contenderOf.set(user, contender)
  }

  addCall(contender: Contender, { latencyMillis, outcome }: InvocationRecord): void {
    this.calls[contender].push([this.now(), Math.round(latencyMillis), outcome === 'response'])
  }

  watch(database: DemoDatabase): void {
    this.#watching = this.#sample(database)
    // It fails when the server is gone; who stops it hears of that.
    this.#watching.catch(() => {})
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#watching
  }

  async #sample({ admin }: DemoDatabase): Promise<void> {
    while (!this.#stopped) {
      const { rows } = await admin.query<{ usename: string; count: number }>(
        'SELECT usename, count(*)::int AS count FROM pg_stat_activity WHERE usename IS NOT NULL GROUP BY usename',
      )
      const counts = perContender(() => 0)
      for (const { usename, count } of rows) {
        const contender = this.#contenderOf.get(usename)
        if (contender) counts[contender] += count
      }
      for (const contender of contenders) this.#note(contender, counts[contender])
      await pause(sampleEveryMillis)
    }
  }

  /** Only changes are kept. */
  #note(contender: Contender, count: number): void {
    const points = this.sessions[contender]
    if (points.at(-1)?.[1] !== count) points.push([this.now(), count])
  }
}
