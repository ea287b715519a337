import { record } from '../../template.js'
import { type ProviderResource, UNKNOWN } from './provider-resource.js'

/** Types of the AWS provider by those that Pulumi's bridge has made of them. */
const TYPES: Readonly<Record<string, string>> = {
  'aws:lambda/function:Function': 'aws_lambda_function',
  'aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig': 'aws_lambda_provisioned_concurrency_config',
  'aws:lambda/functionScalingConfig:FunctionScalingConfig': 'aws_lambda_function_scaling_config',
  'aws:rds/instance:Instance': 'aws_db_instance',
  'aws:rds/cluster:Cluster': 'aws_rds_cluster',
  'aws:rds/clusterInstance:ClusterInstance': 'aws_rds_cluster_instance',
  'aws:rds/parameterGroup:ParameterGroup': 'aws_db_parameter_group',
  'aws:rds/clusterParameterGroup:ClusterParameterGroup': 'aws_rds_cluster_parameter_group',
  'aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup': 'aws_db_proxy_default_target_group',
}

/** Whether it is a preview of Pulumi, the export of a stack, or the state of SST, which is Pulumi's checkpoint. */
export function isPulumi(parsed: Readonly<Record<string, unknown>>): boolean {
  return statesOf(parsed).some(({ urn }) => typeof urn === 'string' && urn.startsWith('urn:pulumi:'))
}

/** Whether a preview leaves out what stays as it is: then only the stack itself is there of it. */
export function isPartial({ steps, changeSummary }: Readonly<Record<string, unknown>>): boolean {
  const same = (Array.isArray(steps) ? steps : []).map(record).filter(({ op }) => op === 'same')
  const shown = same.filter(({ urn }) => !String(urn).includes('::pulumi:pulumi:Stack::'))
  return shown.length === 0 && Number(record(changeSummary).same) > 1
}

/** All resources that there will be, or are. */
export function resourcesOfPulumi(parsed: Readonly<Record<string, unknown>>): ProviderResource[] {
  const living = statesOf(parsed).filter((it) => it.delete !== true && it.custom === true && it.external !== true)
  // A replacement may be shown in several steps.
  const states = [...new Map(living.map((state) => [state.urn, state])).values()]
  const idOf = idsOf(states.map(({ urn }) => String(urn)))
  return states.map((state) => {
    const { urn, type, inputs, outputs, propertyDependencies, dependencies } = state
    const named = Object.entries(valuesOf(inputs, outputs)).map(([key, it]) => [snake(key), snaked(key, it)] as const)
    return {
      id: idOf(String(urn)),
      name: nameIn(String(urn)),
      type: Object.hasOwn(TYPES, String(type)) ? String(TYPES[String(type)]) : String(type),
      values: Object.fromEntries(named),
      referencesOf(key) {
        const ofKey = Object.entries(record(propertyDependencies)).find(([property]) => snake(property) === key)?.[1]
        return [ofKey ?? dependencies ?? []].flat().map((it) => idOf(String(it)))
      },
    }
  })
}

/** The states of resources: of a preview's steps, of an export, or of a checkpoint. */
function statesOf(parsed: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>[] {
  const { steps, deployment, checkpoint, latest } = parsed
  if (Array.isArray(steps)) return steps.map((step) => record(record(step).newState))
  const { resources } = record(deployment ?? record(checkpoint).latest ?? latest)
  return Array.isArray(resources) ? resources.map(record) : []
}

/** `aws:lambda/function:Function::orders` of `urn:pulumi:prod::shop::aws:lambda/function:Function::orders`; all of it where that is not unique. */
function idsOf(urns: readonly string[]): (urn: string) => string {
  const short = (urn: string) => `${urn.split('::')[2]?.split('$').at(-1)}::${nameIn(urn)}`
  const uses = new Map<string, number>()
  for (const urn of new Set(urns)) uses.set(short(urn), (uses.get(short(urn)) ?? 0) + 1)
  return (urn) => (uses.get(short(urn)) === 1 ? short(urn) : urn)
}

function nameIn(urn: string): string {
  return urn.split('::').slice(3).join('::')
}

/** What the program asks for, and where it asks for nothing, what came of it. */
function valuesOf(inputs: unknown, outputs: unknown): Readonly<Record<string, unknown>> {
  const asked = Object.entries(record(known(inputs)))
  const made = record(known(outputs))
  return { ...made, ...Object.fromEntries(asked.filter(([key, it]) => it !== UNKNOWN || made[key] === undefined)) }
}

/** Signatures that Pulumi's engine marks values with. */
const SIGNATURE = '4dabf18193072939515e22adb298388d'
const SECRET = '1b47061264138c4ac30d75fd1eb44270'
const COMPUTED = '04da6b54-80e4-46f7-96ec-b56ff0331ba9'

/** Values as they are, without Pulumi's wrapping: what is encrypted, or not there yet, is unknown. */
function known(value: unknown): unknown {
  if (value === COMPUTED || value === '[secret]') return UNKNOWN
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(known)
  const fields = value as Readonly<Record<string, unknown>>
  if (fields[SIGNATURE] !== SECRET)
    return Object.fromEntries(Object.entries(fields).map(([key, it]) => [key, known(it)]))
  try {
    return known(JSON.parse(String(fields.plaintext)))
  } catch {
    return UNKNOWN
  }
}

/** Keys of blocks too, of maps that are the user's not. */
function snaked(name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value === UNKNOWN || name === 'variables') return value
  if (Array.isArray(value)) return value.map((it) => snaked('', it))
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [snake(key), snaked(key, it)]))
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
