/** What a tool would deploy of an example: a folder that it made, and what its own configuration says of the function. */
export interface Deployable {
  readonly folder: string
  readonly handler: string
  readonly runtime: string
  readonly timeoutSeconds: number
  /** Nothing where the configuration of a function can't have it. */
  readonly reservedConcurrency: number | undefined
  /** Values that only the tool or AWS knows are no strings, or are looked up anyway. */
  readonly variables: Readonly<Record<string, unknown>>
}

/** A function in the words of CloudFormation, which are those of Lambda's own interface. */
export interface FunctionProperties {
  readonly Handler?: unknown
  readonly Runtime?: unknown
  readonly Timeout?: unknown
  readonly ReservedConcurrentExecutions?: unknown
  readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> }
}

export function deployable(folder: string, properties: FunctionProperties): Deployable {
  const { Handler, Runtime, Timeout, ReservedConcurrentExecutions: reserved, Environment } = properties
  return {
    folder,
    handler: String(Handler),
    runtime: String(Runtime),
    timeoutSeconds: Number(Timeout),
    reservedConcurrency: reserved === undefined ? undefined : Number(reserved),
    variables: Environment?.Variables ?? {},
  }
}

export function onlyOne<T>(all: readonly T[]): T {
  const [first, ...others] = all
  if (first === undefined || others.length > 0) throw new Error(`expected one, got ${all.length}`)
  return first
}
