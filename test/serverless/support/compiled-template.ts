/** A compiled CloudFormation template. */
export interface CompiledTemplate {
  readonly Resources: Readonly<Record<string, CompiledResource>>
  readonly Parameters?: Readonly<Record<string, unknown>>
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown }>>
  readonly Transform?: unknown
}

export interface CompiledResource {
  readonly Type: string
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into it by paths that the template itself decides.
  readonly Properties?: Readonly<Record<string, any>>
  readonly DependsOn?: string | readonly string[]
}

/** Every value of a tree with its path. */
export function* valuesOf(value: unknown, path = ''): Generator<{ path: string; value: unknown }> {
  yield { path, value }
  if (typeof value !== 'object' || value === null) return
  for (const [key, each] of Object.entries(value)) yield* valuesOf(each, path === '' ? key : `${path}.${key}`)
}

/** The resources of one type, by logical id. */
export function ofType(template: CompiledTemplate, type: string): [id: string, resource: CompiledResource][] {
  return Object.entries(template.Resources).filter(([, { Type }]) => Type === type)
}
