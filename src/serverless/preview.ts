import { type Resources, record, resourcesOf } from '../budget/index.js'
import type { Serverless } from './framework.js'

/** The framework's default, MB. */
const MEMORY_SIZE = 1024

/**
 * The resources that a budget is read from, as they stand before anything is compiled: the user's own, and of the functions what
 * bounds their concurrency, and their workers on Managed Instances.
 */
export function previewResources({ service }: Serverless, logicalIds: Readonly<Record<string, string>>): Resources {
  const parts = [service.resources].flat().map(record)
  const found: Record<string, Resources[string]> = {}
  for (const [name, id] of Object.entries(logicalIds)) {
    const { reservedConcurrency, provisionedConcurrency, memorySize, environment } = service.functions[name] ?? {}
    const { provider } = service
    found[id] = {
      Type: 'AWS::Lambda::Function',
      Properties: {
        ReservedConcurrentExecutions: reservedConcurrency,
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
  for (const part of parts) Object.assign(found, resourcesOf(part))
  for (const [id, extension] of parts.flatMap((part) => Object.entries(record(part.extensions)))) {
    const resource = found[id]
    if (resource === undefined) continue
    found[id] = { ...resource, Properties: { ...resource.Properties, ...record(record(extension).Properties) } }
  }
  return found
}
