import type { FreezeModel } from 'pg-thaw/testing'
import type { UserLimits } from '../database'
import type { Outcome } from '../report/data'
import type { Stage } from '../stage'

/** A fault that people meet, and what to look at when it has happened. */
export interface Act {
  /** For `--act`. */
  readonly name: string
  readonly title: string
  /** What a freeze does to the network. Default `'process'`. */
  readonly freezeModel?: FreezeModel
  readonly limits?: UserLimits
  /** Where the figure is a time: one call at a time, the contenders in turn. Default: all contenders at once, each on a fleet of its own. */
  readonly inTurn?: boolean
  play(stage: Stage): Promise<Outcome>
}
