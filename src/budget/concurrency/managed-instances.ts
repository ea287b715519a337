import type { Deployment } from '../deployment.js'
import { missingValue, wrongProperty, wrongValue } from '../errors.js'
import { unknownBecause } from '../expressions.js'
import { asCount, type Resources, record, referenced } from '../template.js'
import type { Bound } from './concurrency.js'

/** What AWS's runtime starts per vCPU, unless the variable says how many there are in all. */
const WORKERS_PER_VCPU = 8
/** Which Lambda reads. */
export const WORKER_COUNT = 'AWS_LAMBDA_NODEJS_WORKER_COUNT'
/** Where the function does not say it. */
const GIB_PER_VCPU = 2

/** Whether a function runs on Lambda Managed Instances: whether it has a capacity provider. */
export function isManaged(properties: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(record(properties.CapacityProviderConfig)).length > 0
}

/**
 * What bounds a function on Lambda Managed Instances: its scaling configuration, and in each environment the worker threads, of which
 * each has a pool. How many calls share a worker (`PerExecutionEnvironmentMaxConcurrency`) adds nothing: they share its pool.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` that asks, by name, for what the template does not say.
 */
export function managedBound(name: string, id: string, deployment: Deployment): Bound {
  const { resources, wording, sources } = deployment
  const most = environmentsOf(id, resources)
  const environments = asCount(most)
  if (environments === undefined) {
    const key = wording.property(id, 'FunctionScalingConfig.MaxExecutionEnvironments')
    const answer = unknownBecause(most) === undefined ? '' : ` (or set ${wording.setting('environments', name)})`
    throw wrongProperty(sources.fileOf(id), key, `a number, as nothing else bounds Managed Instances${answer}`, most)
  }
  return { kind: 'managed', environments, workers: workersOf(name, id, deployment) }
}

/** A version that is published from the template may have bounds of its own: the largest counts, and what is no number stands before it. */
function environmentsOf(id: string, resources: Resources): unknown {
  const versions = Object.values(resources).filter(
    ({ Type, Properties }) => Type === 'AWS::Lambda::Version' && referenced(Properties.FunctionName) === id,
  )
  const all = [resources[id], ...versions].map((it) => record(it?.Properties.FunctionScalingConfig))
  const said = all.map(({ MaxExecutionEnvironments: most }) => most).filter((most) => most !== undefined)
  const unknown = said.find((most) => asCount(most) === undefined)
  return unknown ?? (said.length > 0 ? Math.max(...said.map(Number)) : undefined)
}

function workersOf(name: string, id: string, { resources, settings, sources, wording }: Deployment): number {
  const properties = resources[id]?.Properties ?? {}
  const given = settings.functions[name]?.workers
  const option = wording.setting('workers', name)
  const variable = record(record(properties.Environment).Variables)[WORKER_COUNT]
  if (typeof variable === 'string' || typeof variable === 'number') {
    const said = asCount(variable)
    if (!said) {
      const key = wording.property(id, `Environment.Variables.${WORKER_COUNT}`)
      throw wrongValue(sources.fileOf(id), key, 'an integer of 1 or more', variable)
    }
    if (given !== undefined && given !== said) {
      throw wrongValue(sources.configuration, option, `none, or the ${said} of ${WORKER_COUNT}`, given)
    }
    return said
  }
  if (given !== undefined) return given
  const ask = (silent: string) =>
    missingValue(
      sources.configuration,
      option,
      `the worker threads of an environment, as ${silent} does not say how many there are`,
    )
  if (variable !== undefined) throw ask(WORKER_COUNT)
  const { LambdaManagedInstancesCapacityProviderConfig: provider } = record(properties.CapacityProviderConfig)
  const { ExecutionEnvironmentMemoryGiBPerVCpu: perVcpu = GIB_PER_VCPU } = record(provider)
  const vcpus = Number(properties.MemorySize) / 1024 / Number(perVcpu)
  if (!(vcpus > 0 && vcpus < Infinity)) {
    throw ask(`${wording.property(id, 'MemorySize')}, with ExecutionEnvironmentMemoryGiBPerVCpu,`)
  }
  // The runtime rounds up to whole ones.
  return Math.ceil(vcpus) * WORKERS_PER_VCPU
}
