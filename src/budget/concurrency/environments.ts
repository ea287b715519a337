import type { Deployment } from '../deployment.js'
import { type Problems, wrongValue } from '../errors.js'
import { unknownBecause } from '../expressions.js'
import { asCount, type Resource, record } from '../template.js'
import { isManaged } from './managed-instances.js'

/**
 * The deployment with what its settings say of environments in place of what can't be known before. What is known says so itself: a figure
 * beside it that is another would bound nothing, and is refused.
 */
export function withEnvironments(deployment: Deployment, problems: Problems): Deployment {
  const { settings, logicalIds, sources, wording } = deployment
  const resources: Record<string, Resource> = { ...deployment.resources }
  for (const [name, { environments }] of Object.entries(settings.functions)) {
    const id = String(logicalIds[name])
    const resource = resources[id]
    if (environments === undefined || resource === undefined) continue
    const { Properties } = resource
    const config = record(Properties.FunctionScalingConfig)
    const isOfManaged = isManaged(Properties)
    const said = isOfManaged ? config.MaxExecutionEnvironments : Properties.ReservedConcurrentExecutions
    if (asCount(said) === environments) continue
    if (unknownBecause(said) === undefined) {
      const isNone = said === undefined || said === null
      const expected = isNone
        ? 'none, as it has none in the file: reserve it there'
        : `none, or the ${said} of the file`
      problems.add(wrongValue(sources.configuration, wording.setting('environments', name), expected, environments))
      continue
    }
    const bound = isOfManaged
      ? { FunctionScalingConfig: { ...config, MaxExecutionEnvironments: environments } }
      : { ReservedConcurrentExecutions: environments }
    resources[id] = { ...resource, Properties: { ...Properties, ...bound } }
  }
  return { ...deployment, resources }
}
