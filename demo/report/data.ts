import type { Contender } from '../contenders/contender'

/**
 * - `holds`: the fault costs nothing that a user would see.
 * - `costs`: nothing is lost, but somebody waits, or something is left behind.
 * - `fails`: calls fail, or what was acknowledged is lost.
 */
export type Grade = 'holds' | 'costs' | 'fails'

/** What an act came to for one contender. */
export interface Outcome {
  readonly grade: Grade
  /** The verdict in plain words, with its measured figure. */
  readonly words: string
  /** What was measured. */
  readonly facts: Readonly<Record<string, number>>
  /** What is compared within a grade, if anything: calls that failed, or a time, ms. Less is better. */
  readonly score?: number
}

/** One act, as it was played. */
export interface PlayedAct {
  readonly name: string
  readonly title: string
  /** Since the start of the run, s. */
  readonly from: number
  readonly to: number
  readonly outcomes: Readonly<Record<Contender, Outcome>>
}

/** From this second on there were so many sessions. */
export type SessionPoint = readonly [second: number, count: number]

/** A call that was over at this second, how long it took, and whether it had a response. */
export type CallPoint = readonly [second: number, millis: number, answered: boolean]

/** All of a run: what every report is made of. */
export interface DemoData {
  /** When it was measured: an ISO date. */
  readonly day: string
  readonly server: string
  readonly node: string
  /** Length of the run, s. */
  readonly seconds: number
  readonly acts: readonly PlayedAct[]
  readonly sessions: Readonly<Record<Contender, readonly SessionPoint[]>>
  readonly calls: Readonly<Record<Contender, readonly CallPoint[]>>
}
