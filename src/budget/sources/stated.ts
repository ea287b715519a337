import { type Deployed, FUNCTION } from './deployed.js'
import { CLOUDFORMATION_WORDS } from './words.js'

/** A function as somebody states it. */
export interface StatedFunction {
  readonly name: string
  readonly reservedConcurrency: number | undefined
}

const NOTHING: Deployed = {
  template: { Parameters: {}, Mappings: {}, Conditions: {}, Resources: {} },
  functions: [],
  unread: [],
  words: CLOUDFORMATION_WORDS,
  fileOf: () => undefined,
}

/** The functions of a deployment, if there is one, and those beside them that somebody states. */
export function withStated(stated: readonly StatedFunction[], deployed: Deployed = NOTHING): Deployed {
  const more = stated.filter(({ name }) => !deployed.functions.some((it) => it.name === name || it.id === name))
  const resources = more.map(({ name, reservedConcurrency }) => {
    const Properties = reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency }
    return [name, { Type: FUNCTION, Properties }] as const
  })
  return {
    ...deployed,
    template: { ...deployed.template, Resources: { ...deployed.template.Resources, ...Object.fromEntries(resources) } },
    functions: [...deployed.functions, ...more.map(({ name }) => ({ name, id: name, isOfTool: false }))],
  }
}
