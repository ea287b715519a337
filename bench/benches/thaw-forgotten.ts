import { setTimeout as pause } from 'node:timers/promises'
import type { Inspection } from '../bench.js'
import { bundleFunctions, loadTesting, variablesOf } from '../lambda-functions.js'
import { databaseOf } from '../surroundings.js'
import { median } from '../turns.js'
import { callLambda } from './lambda-call.js'

/** Longer than any device between is known to take for forgetting a flow. */
const frozenMillis = 65_000
/** They are frozen together, and called one after the other. */
const environments = 5

/** The first call after a freeze in which something between forgot the flow, and says nothing of it: time until its result. */
export const thawForgotten: Inspection = {
  kind: 'inspection',
  names: ['thaw-forgotten'],
  needs: 'orders',
  nodeFlags: [],
  onlyWhenAsked: true,
  async run(surroundings) {
    const { root } = surroundings
    const database = databaseOf(surroundings)
    const { host, port } = database
    await using functions = await bundleFunctions(root)
    const start = () =>
      loadTesting(root).startLambda({
        module: functions.moduleOf('pg-thaw'),
        env: variablesOf(database),
        database: { host, port },
        freezeModel: 'forgotten-flow',
      })
    const lambdas = await Promise.all(Array.from({ length: environments }, start))
    try {
      for (const lambda of lambdas) {
        // A cold environment keeps nothing. The second call is the first that leaves a connection behind.
        await callLambda(lambda, { act: 'read' })
        await callLambda(lambda, { act: 'read' })
      }
      await pause(frozenMillis)
      const millis: number[] = []
      for (const lambda of lambdas) millis.push((await callLambda(lambda, { act: 'read' })).millis)
      return [{ bench: 'thaw-forgotten', contender: 'pg-thaw', value: median(millis), unit: 'ms' }]
    } finally {
      await Promise.all(lambdas.map((lambda) => lambda.close()))
    }
  },
}
