/** A resource of a CloudFormation template, as far as anything is known of it. */
export interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
}

/** The resources of a template by logical id. */
export type Resources = Readonly<Record<string, Resource>>

/** What is an object of a template's `Resources`, each with a type and properties. Anything else is not ours to judge. */
export function resourcesOf(template: unknown): Resources {
  const found: Record<string, Resource> = {}
  for (const [id, resource] of Object.entries(record(record(template).Resources))) {
    const { Type, Properties } = record(resource)
    if (typeof Type === 'string') found[id] = { Type, Properties: record(Properties) }
  }
  return found
}

/** The logical id that `{ Ref }` or `{ Fn::GetAtt }` names. */
export function referenced(value: unknown): string | undefined {
  const { Ref, 'Fn::GetAtt': attribute } = record(value)
  if (typeof Ref === 'string') return Ref
  const id = Array.isArray(attribute) ? attribute[0] : String(attribute ?? '').split('.')[0]
  return typeof id === 'string' && id !== '' ? id : undefined
}

/** The value if it is an object, or else an empty one. */
export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/** An integer of 0 or more, which may be a string of digits: parameters that come from the command line are strings. */
export function asCount(value: unknown): number | undefined {
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value)
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
