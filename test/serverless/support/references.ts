import { type CompiledTemplate, valuesOf } from './compiled-template'
import { resourceType } from './specification'

const PSEUDO = ['AccountId', 'NoValue', 'NotificationARNs', 'Partition', 'Region', 'StackId', 'StackName', 'URLSuffix']
const FUNCTIONS = ['Base64', 'Cidr', 'GetAtt', 'GetAZs', 'If', 'ImportValue', 'Join', 'Select', 'Split', 'Sub']

/** One reference of a template: to a logical id, and to one of its attributes if it is not to the resource itself. */
interface Reference {
  readonly path: string
  readonly id: string
  readonly attribute: string | undefined
}

/** The name of the intrinsic function that a value is, if it is one. */
export function intrinsicOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const [key, second] = Object.keys(value)
  return second === undefined && (key === 'Ref' || key?.startsWith('Fn::')) ? key : undefined
}

/** Finds references that lead nowhere, intrinsic functions that don't exist, and resources that wait for each other. */
export function checkReferences(template: CompiledTemplate): string[] {
  const problems: string[] = []
  for (const { path, value } of valuesOf(template)) {
    const name = intrinsicOf(value)
    if (name !== undefined && name !== 'Ref' && !FUNCTIONS.includes(name.slice('Fn::'.length))) {
      problems.push(`${path}: ${name} is no function`)
    }
  }
  for (const { path, id, attribute } of referencesOf(template)) {
    if (id.startsWith('AWS::') ? PSEUDO.includes(id.slice('AWS::'.length)) : id in (template.Parameters ?? {})) continue
    const resource = template.Resources[id]
    if (resource === undefined) problems.push(`${path}: there is no ${id}`)
    else if (attribute !== undefined && !hasAttribute(resource.Type, attribute)) {
      problems.push(`${path}: ${resource.Type} has no attribute ${attribute}`)
    }
  }
  for (const [id, { DependsOn = [] }] of Object.entries(template.Resources)) {
    for (const each of [DependsOn].flat()) {
      if (!(each in template.Resources)) problems.push(`Resources.${id}.DependsOn: there is no ${each}`)
    }
  }
  const cycle = findCycle(template)
  if (cycle !== undefined) problems.push(`a circle: ${cycle.join(' → ')}`)
  return problems
}

/** The type of the resource that `Ref` names, or whose main identifier `Fn::GetAtt` gives. */
export function referencedType(value: unknown, template: CompiledTemplate): string | undefined {
  const [reference] = intrinsicOf(value) === undefined ? [] : [...directReferences('', value)]
  return reference === undefined ? undefined : template.Resources[reference.id]?.Type
}

/** Whether an intrinsic function can give a list, or a single value. */
export function attributeTypes(value: unknown, template: CompiledTemplate): ('list' | 'single')[] {
  const name = intrinsicOf(value)
  if (name === 'Fn::GetAZs' || name === 'Fn::Split' || name === 'Fn::Cidr') return ['list']
  if (name === 'Ref' || name === 'Fn::GetAtt') {
    const [reference] = [...directReferences('', value)]
    const type = template.Resources[reference?.id ?? '']?.Type
    const attribute = reference?.attribute
    if (type === undefined) return ['list', 'single']
    if (attribute === undefined) return ['single']
    return [resourceType(type)?.attributes[attribute]?.type.type === 'array' ? 'list' : 'single']
  }
  return name === 'Fn::Join' || name === 'Fn::Sub' ? ['single'] : ['list', 'single']
}

function hasAttribute(type: string, attribute: string): boolean {
  const known = resourceType(type)
  return known === undefined || attribute in known.attributes
}

function* referencesOf(root: unknown, at = ''): Generator<Reference> {
  for (const { path, value } of valuesOf(root, at)) yield* directReferences(path, value)
}

function* directReferences(path: string, value: unknown): Generator<Reference> {
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Sub': sub } = (value ?? {}) as Record<string, unknown>
  if (typeof Ref === 'string') yield { path, id: Ref, attribute: undefined }
  if (attribute !== undefined) {
    const [id = '', ...names] = Array.isArray(attribute) ? attribute : String(attribute).split('.')
    yield { path, id, attribute: names.join('.') }
  }
  if (sub === undefined) return
  const [text, variables = {}] = [sub].flat() as [string, object?]
  for (const [, name = ''] of text.matchAll(/\$\{([^!}][^}]*)\}/g)) {
    const [id = '', ...names] = name.startsWith('AWS::') ? [name] : name.split('.')
    if (!(name in variables)) yield { path, id, attribute: names.length === 0 ? undefined : names.join('.') }
  }
}

/** Resources of which each has to wait for the next, and the last for the first. */
function findCycle({ Resources }: CompiledTemplate): string[] | undefined {
  const needs = new Map(
    Object.entries(Resources).map(([id, resource]) => [
      id,
      new Set(
        [[resource.DependsOn ?? []].flat(2), [...referencesOf(resource.Properties)].map((each) => each.id)].flat(),
      ),
    ]),
  )
  const done = new Set<string>()
  const visit = (id: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(id)) return [...trail.slice(trail.indexOf(id)), id]
    if (done.has(id)) return undefined
    for (const next of needs.get(id) ?? []) {
      const found = visit(next, [...trail, id])
      if (found !== undefined) return found
    }
    done.add(id)
    return undefined
  }
  for (const id of needs.keys()) {
    const found = visit(id, [])
    if (found !== undefined) return found
  }
  return undefined
}
