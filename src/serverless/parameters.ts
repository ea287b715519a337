import { record } from '../budget/index.js'
import type { Serverless } from './framework.js'
import type { ConfigurationFiles } from './sources.js'

/** Parameters that a command was given, and that nothing in the configuration takes. */
export interface UnknownParameters {
  /** A line for each. */
  readonly lines: readonly string[]
  /** Whether all of the configuration could be read: else another file may take them. */
  readonly isCertain: boolean
}

/**
 * Looks for the parameters that a command was given among those of `params`, of any stage, and those that a variable (`${param:…}`) names, also
 * after another: the framework takes a name that is mistyped without a word.
 *
 * @param given `--param`, as often as it was given.
 */
export function unknownParameters(
  given: unknown,
  { configurationInput }: Serverless,
  { texts, areAll }: ConfigurationFiles,
): UnknownParameters {
  const { params, stages } = record(configurationInput)
  // Version 4 has them in the stages.
  const ofStages = Object.values(record(stages)).map((stage) => record(stage).params)
  const declared = [...Object.values(record(params)), ...ofStages].flatMap((each) => Object.keys(record(each)))
  const used = texts.flatMap((text) => [...text.matchAll(/\bparam:([\w.-]+)/g)].map(([, name = '']) => name))
  const known = [...new Set([...declared, ...used])]
  const names = [given ?? []].flat().map((each) => String(each).split('=')[0] ?? '')
  const expected =
    known.length === 0 ? 'no parameter, as the service has none' : `one of the parameters ${known.join(', ')}`
  return {
    lines: names.filter((name) => !known.includes(name)).map((name) => `--param ${name}: expected ${expected}`),
    isCertain: areAll,
  }
}
