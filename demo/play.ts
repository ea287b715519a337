import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Act } from './acts/act'
import { type Contender, perContender } from './contenders/contender'
import { functionTimeoutMillis } from './contenders/limits'
import type { DemoDatabase } from './database'
import type { History } from './history'
import { startLambda } from './lambda'
import type { Outcome, PlayedAct } from './report/data'
import { Stage } from './stage'
import { atOnce, oneAtATime, type Turn } from './turns'

/** What all acts of a run share. */
export interface Run {
  readonly database: DemoDatabase
  readonly history: History
  readonly moduleOf: (contender: Contender) => string
  /** Where secrets may be kept while it runs. */
  readonly directory: string
  readonly signal: AbortSignal
}

/** Plays an act with every contender; throws as soon as the signal is aborted. */
export async function playAct(act: Act, run: Run): Promise<PlayedAct> {
  const from = run.history.now()
  const turn = act.inTurn ? oneAtATime() : atOnce
  const playing = perContender((contender) => playContender(act, contender, turn, run))
  // All of them, so that nothing goes on behind an error's back.
  await Promise.allSettled(Object.values(playing))
  const outcomes = {
    'pg-pool-defaults': await playing['pg-pool-defaults'],
    'pg-pool-tuned': await playing['pg-pool-tuned'],
    'client-per-call': await playing['client-per-call'],
    'pg-thaw': await playing['pg-thaw'],
  }
  return { name: act.name, title: act.title, from, to: run.history.now(), outcomes }
}

async function playContender(act: Act, contender: Contender, turn: Turn, run: Run): Promise<Outcome> {
  const { database, history, signal, directory } = run
  const user = await database.createUser(`${act.name} ${contender}`, act.limits ?? {})
  history.attribute(user.name, contender)
  const secretFile = join(directory, `${act.name} ${contender}.secret`)
  await writeFile(secretFile, user.password, { mode: 0o600 })
  try {
    await using lambda = await startLambda({
      module: run.moduleOf(contender),
      env: { PGUSER: user.name, PGDATABASE: database.name, SECRET_FILE: secretFile },
      timeoutMillis: functionTimeoutMillis,
      database: database.address,
      freezeModel: act.freezeModel ?? 'process',
      vanish: 'silent',
    })
    return await act.play(new Stage(contender, { lambda, user, secretFile }, { history, signal, turn }))
  } finally {
    await user.endSessions()
  }
}
