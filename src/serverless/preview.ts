import { type Resource, record, resourcesOf } from '../budget/index.js'
import type { Serverless } from './framework.js'
import { isWritten } from './written-concurrency.js'

/** The framework's default, MB. */
const MEMORY_SIZE = 1024
/** What expressions are resolved by. */
const DECLARATIONS = ['Parameters', 'Conditions', 'Mappings'] as const

/**
 * The template that a budget is read from, as it stands before anything is compiled: the user's own resources, and of the functions
 * what bounds their concurrency, their workers on Managed Instances, and their variables.
 */
export function previewTemplate({ service }: Serverless, logicalIds: Readonly<Record<string, string>>): object {
  const parts = [service.resources].flat().map(record)
  const found: Record<string, Resource & { readonly Condition?: unknown }> = {}
  for (const [name, id] of Object.entries(logicalIds)) {
    const configuration = service.functions[name] ?? {}
    const { reservedConcurrency, provisionedConcurrency, memorySize, environment, condition } = configuration
    const { provider } = service
    found[id] = {
      Type: 'AWS::Lambda::Function',
      ...(condition !== undefined && { Condition: condition }),
      Properties: {
        ReservedConcurrentExecutions: isWritten(reservedConcurrency) ? reservedConcurrency : undefined,
        MemorySize: memorySize ?? provider.memorySize ?? MEMORY_SIZE,
        Environment: { Variables: { ...provider.environment, ...environment } },
      },
    }
    if (!provisionedConcurrency) continue
    found[`${id}Alias`] = {
      Type: 'AWS::Lambda::Alias',
      Properties: {
        FunctionName: { Ref: id },
        ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: provisionedConcurrency },
      },
    }
  }
  for (const { Resources } of parts) {
    // A function's own may be written there too, and is merged into what the framework compiles.
    for (const [id, resource] of Object.entries(record(Resources))) found[id] = merged(found[id], resource) as Resource
  }
  for (const [id, extension] of parts.flatMap((part) => Object.entries(record(part.extensions)))) {
    const resource = resourcesOf({ Resources: { [id]: found[id] } })[id]
    if (resource === undefined) continue
    found[id] = {
      ...found[id],
      ...resource,
      Properties: { ...resource.Properties, ...record(record(extension).Properties) },
    }
  }
  const declared = DECLARATIONS.map((key) => [key, Object.assign({}, ...parts.map((part) => record(part[key])))])
  return { ...Object.fromEntries(declared), Resources: found }
}

function merged(one: unknown, other: unknown): unknown {
  if (!isMapping(one) || !isMapping(other)) return other
  const both = Object.entries(other).map(([key, value]) => [key, merged(one[key], value)])
  return { ...one, ...Object.fromEntries(both) }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The values that the framework deploys the template with: `provider.stackParameters`. */
export function stackParameters({ service }: Serverless): Record<string, unknown> {
  const given = [service.provider.stackParameters ?? []].flat().map(record)
  return Object.fromEntries(given.map(({ ParameterKey, ParameterValue }) => [String(ParameterKey), ParameterValue]))
}
