import type { LocalLambda } from 'pg-thaw/testing'
import type { Inspection, Row } from '../bench.js'
import type { Act, Asked, Told } from '../functions/acting.js'
import { bundleFunctions, connectsOfACall, firstCalls, loadTesting, variablesOf } from '../lambda-functions.js'
import { databaseOf } from '../surroundings.js'
import { medianOf, type Sample, takeTurns } from '../turns.js'

const calls = 100

const contenders = ['pg-thaw', 'pg-pool'] as const

const kinds: readonly { readonly label: string; readonly act: Act }[] = [
  { label: '4 reads', act: 'four at once' },
  { label: '20 reads', act: 'twenty at once' },
  { label: '4 writes', act: 'four writes at once' },
]

/** A warm call on Lambda that asks several queries at once, with default options: time of the call, and connects. */
export const lambdaCall: Inspection = {
  kind: 'inspection',
  names: ['lambda-call'],
  needs: 'orders',
  nodeFlags: [],
  async run(surroundings) {
    const { root } = surroundings
    await using functions = await bundleFunctions(root)
    const env = variablesOf(databaseOf(surroundings))
    const rows: Row[] = []
    for (const kind of kinds) {
      const start = (contender: (typeof contenders)[number]) =>
        loadTesting(root).startLambda({ module: functions.moduleOf(contender), env })
      rows.push(...(await measureKind(kind, start)))
    }
    return rows
  },
}

/** An environment for each contender, which are called in turn. Where one is called, the other is frozen. */
async function measureKind(
  { label, act }: (typeof kinds)[number],
  start: (contender: (typeof contenders)[number]) => Promise<LocalLambda>,
): Promise<Row[]> {
  const lambdas: LocalLambda[] = []
  const told = new Map<string, Told[]>()
  const rounds = new Map<string, () => Promise<Sample>>()
  try {
    for (const contender of contenders) {
      const lambda = await start(contender)
      lambdas.push(lambda)
      const answers: Told[] = []
      told.set(contender, answers)
      rounds.set(contender, async () => {
        const answer = await callLambda(lambda, { act })
        answers.push(answer)
        return { wallMicros: answer.millis * 1000, cpuMicros: 0, returned: answer.millis }
      })
    }
    const samples = await takeTurns(rounds, { warmups: firstCalls, turns: calls })
    return contenders.flatMap((contender): Row[] => [
      { bench: 'lambda-call', contender, value: medianOf(samples, contender, 'returned', 1), unit: `ms, ${label}` },
      {
        bench: 'lambda-call',
        contender,
        value: connectsOfACall(told.get(contender) ?? []),
        unit: `connects, ${label}`,
      },
    ])
  } finally {
    await Promise.all(lambdas.map((lambda) => lambda.close()))
  }
}

/** Calls a function of this bench; a call that fails is none. */
export async function callLambda(lambda: LocalLambda, asked: Asked): Promise<Told> {
  const { outcome, response, error } = await lambda.invoke(asked)
  if (outcome !== 'response') throw new Error(`a call came to ${outcome}: ${error?.errorMessage}`)
  return response as Told
}
