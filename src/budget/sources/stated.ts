import { type Deployed, FUNCTION } from './deployed.js'
import { refused } from './unreadable.js'
import { CLOUDFORMATION_WORDS } from './words.js'

/** A function that is in no file. */
export interface StatedFunction {
  readonly name: string
  readonly reservedConcurrency: number | undefined
}

const NOTHING: Deployed = {
  template: { Parameters: {}, Mappings: {}, Conditions: {}, Resources: {} },
  functions: [],
  words: CLOUDFORMATION_WORDS,
  fileOf: () => undefined,
}

/** Functions as somebody states them, beside those of a deployment, if there is one. @throws {BudgetError} for one that is there. */
export function withStated(stated: readonly StatedFunction[], deployed: Deployed = NOTHING): Deployed {
  const taken = stated.find(({ name }) => deployed.functions.some((it) => it.name === name || it.id === name))
  if (taken !== undefined) {
    throw refused(`--function ${taken.name}: expected a function that the file does not have`)
  }
  const resources = stated.map(({ name, reservedConcurrency }) => {
    const Properties = reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency }
    return [name, { Type: FUNCTION, Properties }] as const
  })
  return {
    ...deployed,
    template: { ...deployed.template, Resources: { ...deployed.template.Resources, ...Object.fromEntries(resources) } },
    functions: [...deployed.functions, ...stated.map(({ name }) => ({ name, id: name, isOfTool: false }))],
  }
}
