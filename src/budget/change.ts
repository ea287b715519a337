import type { Change, Deployment } from './deployment.js'
import type { FunctionSettings, Settings } from './settings.js'
import { type Resources, record } from './template.js'

/** A deployment as it would be with changes made to it. All are made to one copy, as there may be hundreds, and a plan tries many sets. */
export function withChanges(deployment: Deployment, changes: readonly Change[]): Deployment {
  const resources: Record<string, Resources[string]> = { ...deployment.resources }
  const functions: Record<string, FunctionSettings> = { ...deployment.settings.functions }
  let settings: Settings = { ...deployment.settings, functions }
  for (const change of changes) {
    switch (change.of) {
      case 'setting':
        if (change.functionName !== undefined || change.key === 'max') set(functions, change)
        else settings = within(settings, change.key.split('.'), change.value) as unknown as Settings
        break
      case 'concurrency': {
        const id = String(deployment.logicalIds[change.functionName])
        setProperty(resources, id, ['ReservedConcurrentExecutions'], change.value)
        break
      }
      case 'property':
        setProperty(resources, change.logicalId, change.property.split('.'), change.value)
        break
      default:
        change satisfies never
    }
  }
  return { ...deployment, resources, settings }
}

function set(functions: Record<string, FunctionSettings>, { key, functionName, value }: Change & { of: 'setting' }) {
  for (const name of functionName === undefined ? Object.keys(functions) : [functionName]) {
    const own = functions[name]
    // One for all holds where a function has none of its own.
    const isMeant = own !== undefined && (functionName !== undefined || own.max === undefined)
    if (isMeant) functions[name] = { ...own, [key]: value }
  }
}

function setProperty(
  resources: Record<string, Resources[string]>,
  id: string,
  path: readonly string[],
  value: unknown,
): void {
  const resource = resources[id]
  if (resource !== undefined) resources[id] = { ...resource, Properties: within(resource.Properties, path, value) }
}

/** A copy of an object with one value in it set. */
function within(object: object, [key, ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  if (key === undefined) return record(object)
  const now = record(object)
  return { ...now, [key]: rest.length === 0 ? value : within(record(now[key]), rest, value) }
}
