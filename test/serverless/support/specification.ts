import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec'
import type { Property, PropertyType, Resource } from '@aws-cdk/service-spec-types'
import type { CompiledTemplate } from './compiled-template'
import { attributeTypes, intrinsicOf, referencedType } from './references'

const specification = loadAwsServiceSpecSync()

/** What AWS's own specification says of a resource type; nothing of one that it does not have. */
export function resourceType(type: string): Resource | undefined {
  return [...specification.lookup('resource', 'cloudFormationType', 'equals', type)][0]
}

const RESOURCE_KEYS = [
  'Type',
  'Properties',
  'DependsOn',
  'Condition',
  'DeletionPolicy',
  'UpdateReplacePolicy',
  'Metadata',
  'CreationPolicy',
  'UpdatePolicy',
]

function allowed(path: string, value: unknown, type: object): string[] {
  const { allowedValues } = type as { allowedValues?: readonly unknown[] }
  if (allowedValues === undefined || allowedValues.map(String).includes(String(value))) return []
  return [`${path}: expected one of ${allowedValues.join(', ')}, got ${JSON.stringify(value)}`]
}

/** Holds a template against AWS's specification: types, names, kinds and enums of properties, and what is required. */
export function checkProperties(template: CompiledTemplate): string[] {
  const problems: string[] = []
  for (const [id, resource] of Object.entries(template.Resources)) {
    for (const key of Object.keys(resource)) {
      if (!RESOURCE_KEYS.includes(key)) problems.push(`${id}: no resource has ${key}`)
    }
    if (resource.Type.startsWith('Custom::')) {
      if (resource.Properties?.ServiceToken === undefined) problems.push(`${id}: ServiceToken is missing`)
      continue
    }
    const known = resourceType(resource.Type)
    if (known === undefined) problems.push(`${id}: ${resource.Type} is no type`)
    else checkObject(`${id}`, resource.Properties ?? {}, known.properties)
  }
  return problems

  function checkObject(path: string, value: unknown, properties: Readonly<Record<string, Property>>): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      problems.push(`${path}: expected an object, got ${JSON.stringify(value)}`)
      return
    }
    for (const [name, each] of Object.entries(value)) {
      const property = properties[name]
      if (property === undefined) problems.push(`${path}.${name}: no such property`)
      else checkProperty(`${path}.${name}`, each, property)
    }
    for (const [name, { required }] of Object.entries(properties)) {
      if (required && !(name in value)) problems.push(`${path}.${name} is missing`)
    }
  }

  function checkProperty(path: string, value: unknown, { type, previousTypes = [], relationshipRefs }: Property): void {
    const expected = relationshipRefs?.map(({ cloudFormationType }) => cloudFormationType)
    for (const each of Array.isArray(value) ? value : [value]) {
      const found = referencedType(each, template)
      if (expected !== undefined && resourceType(found ?? '') !== undefined && !expected.includes(found ?? '')) {
        problems.push(`${path}: expected a reference to ${expected.join(', ')}, got ${found}`)
      }
    }
    // A type that was corrected is still taken in its former shape.
    const found = [type, ...previousTypes].map((each) => mismatches(path, value, each))
    if (!found.some(({ length }) => length === 0)) problems.push(...(found[0] ?? []))
  }

  function mismatches(path: string, value: unknown, type: PropertyType): string[] {
    const intrinsic = intrinsicOf(value)
    if (intrinsic !== undefined) {
      const isList = type.type === 'array' || type.type === 'tag'
      if (isList && !attributeTypes(value, template).includes('list')) {
        return [`${path}: expected a list, got ${JSON.stringify(value)}`]
      }
      return []
    }
    const wrong = () => [`${path}: expected ${type.type}, got ${JSON.stringify(value)}`]
    switch (type.type) {
      case 'string':
        return typeof value === 'object' ? wrong() : allowed(path, value, type)
      case 'number':
      case 'integer': {
        // CloudFormation takes digits for a number.
        const number = typeof value === 'string' && value !== '' ? Number(value) : value
        if (typeof number !== 'number' || Number.isNaN(number)) return wrong()
        return type.type === 'integer' && !Number.isInteger(number) ? wrong() : allowed(path, value, type)
      }
      case 'boolean':
        return [true, false, 'true', 'false'].includes(value as never) ? [] : wrong()
      case 'array':
        if (!Array.isArray(value)) return wrong()
        return value.flatMap((each, index) => mismatches(`${path}[${index}]`, each, type.element))
      case 'map':
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong()
        return Object.entries(value).flatMap(([key, each]) => mismatches(`${path}.${key}`, each, type.element))
      case 'union': {
        const each = type.types.map((one) => mismatches(path, value, one))
        return each.some(({ length }) => length === 0) ? [] : wrong()
      }
      case 'ref': {
        const before = problems.length
        checkObject(path, value, specification.get('typeDefinition', type.reference.$ref).properties)
        return problems.splice(before)
      }
      case 'tag': {
        const { Key, Value } = value as { Key?: unknown; Value?: unknown }
        return Key === undefined || Value === undefined ? wrong() : []
      }
      default:
        // JSON, dates: whatever they hold, it is no number.
        return typeof value === 'number' ? wrong() : []
    }
  }
}
