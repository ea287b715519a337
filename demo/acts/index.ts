import type { Act } from './act'
import { burst } from './burst'
import { endedSessions, endedSessionsUnheard } from './ended-sessions'
import { forgottenFlow } from './forgotten-flow'
import { leakedClient } from './leaked-client'
import { lull } from './lull'
import { openTransaction } from './open-transaction'
import { repeatedQuery } from './repeated-query'
import { rotatedPassword } from './rotated-password'
import { slowQuery } from './slow-query'
import { vanishedFleet } from './vanished-fleet'

/** In the order in which they are played. */
export const acts: readonly Act[] = [
  endedSessions,
  endedSessionsUnheard,
  lull,
  forgottenFlow,
  vanishedFleet,
  openTransaction,
  slowQuery,
  rotatedPassword,
  burst,
  leakedClient,
  repeatedQuery,
]
