import type { Change, Deployment } from '../deployment.js'
import type { FunctionSettings, Settings } from '../settings/settings.js'
import { type Resource, record } from '../template.js'

/** A deployment as it would be with changes made to it. */
export function withChanges(deployment: Deployment, changes: readonly Change[]): Deployment {
  let { settings } = deployment
  // One copy for all changes: there may be hundreds of either, and a plan asks for thousands of deployments.
  const functions: Record<string, FunctionSettings> = { ...settings.functions }
  const resources: Record<string, Resource> = { ...deployment.resources }
  const setProperty = (id: string, path: readonly string[], value: unknown) => {
    const resource = resources[id]
    if (resource !== undefined) resources[id] = { ...resource, Properties: within(resource.Properties, path, value) }
  }
  for (const change of changes) {
    switch (change.of) {
      case 'setting':
        if (change.functionName === undefined && change.key !== 'max') {
          settings = within(settings, change.key.split('.'), change.value) as unknown as Settings
        } else setOfFunctions(functions, change)
        break
      case 'concurrency':
        setProperty(String(deployment.logicalIds[change.functionName]), ['ReservedConcurrentExecutions'], change.value)
        break
      case 'property':
        setProperty(change.logicalId, change.property.split('.'), change.value)
        break
      default:
        change satisfies never
    }
  }
  return { ...deployment, settings: { ...settings, functions }, resources }
}

function setOfFunctions(
  functions: Record<string, FunctionSettings>,
  { key, functionName, value }: Change & { of: 'setting' },
): void {
  // One for all holds where a function has none of its own.
  const names = functionName === undefined ? Object.keys(functions) : [functionName]
  for (const name of names) {
    const own = functions[name]
    const isMeant = functionName !== undefined || own?.max === undefined
    if (own !== undefined && isMeant) functions[name] = { ...own, [key]: value }
  }
}

/** A copy of an object with one value in it set. */
function within(object: object, [key, ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  if (key === undefined) return record(object)
  const now = record(object)
  return { ...now, [key]: rest.length === 0 ? value : within(record(now[key]), rest, value) }
}
