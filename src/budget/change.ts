import type { Change, Deployment } from './deployment.js'
import type { FunctionSettings, Settings } from './settings.js'
import { type Resources, record } from './template.js'

/** A deployment as it would be with changes made to it. */
export function withChanges(deployment: Deployment, changes: readonly Change[]): Deployment {
  return changes.reduce(withChange, deployment)
}

function withChange(deployment: Deployment, change: Change): Deployment {
  const { settings, resources, logicalIds } = deployment
  switch (change.of) {
    case 'setting':
      return { ...deployment, settings: withSetting(settings, change) }
    case 'concurrency': {
      const id = String(logicalIds[change.functionName])
      return { ...deployment, resources: withProperty(resources, id, ['ReservedConcurrentExecutions'], change.value) }
    }
    case 'property':
      return {
        ...deployment,
        resources: withProperty(resources, change.logicalId, change.property.split('.'), change.value),
      }
    default:
      return change satisfies never
  }
}

function withSetting(settings: Settings, { key, functionName, value }: Change & { of: 'setting' }): Settings {
  if (functionName === undefined && key !== 'max') return within(settings, key.split('.'), value) as unknown as Settings
  const changed = Object.entries(settings.functions).map(([name, own]): [string, FunctionSettings] => {
    // One for all holds where a function has none of its own.
    const isMeant = functionName === undefined ? own.max === undefined : functionName === name
    return [name, isMeant ? { ...own, [key]: value } : own]
  })
  return { ...settings, functions: Object.fromEntries(changed) }
}

function withProperty(resources: Resources, id: string, path: readonly string[], value: unknown): Resources {
  const resource = resources[id]
  if (resource === undefined) return resources
  return { ...resources, [id]: { ...resource, Properties: within(resource.Properties, path, value) } }
}

/** A copy of an object with one value in it set. */
function within(object: object, [key, ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  if (key === undefined) return record(object)
  const now = record(object)
  return { ...now, [key]: rest.length === 0 ? value : within(record(now[key]), rest, value) }
}
