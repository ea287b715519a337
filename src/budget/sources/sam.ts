import { record } from '../template.js'
import { FUNCTION, type Template } from './deployed.js'

const SAM_FUNCTION = 'AWS::Serverless::Function'

/** What `Globals.Function` may hold of what is read here. */
type Properties = Readonly<Record<string, unknown>>

/** Whether a template is one of the Serverless Application Model. */
export function isSam(parsed: Readonly<Record<string, unknown>>): boolean {
  return [parsed.Transform].flat().some((it) => typeof it === 'string' && it.startsWith('AWS::Serverless-'))
}

/**
 * The template that SAM makes of it, as far as functions go. https://docs.aws.amazon.com/serverless-application-model: a value of
 * the function's own goes before one of `Globals`, and maps (`Environment`) are merged.
 */
export function expandSam(template: Template, globals: unknown): Template {
  const common = record(record(globals).Function)
  const resources = Object.entries(template.Resources).flatMap(([id, resource]): [string, unknown][] => {
    const { Type, Properties, ...rest } = record(resource)
    if (Type !== SAM_FUNCTION) return [[id, resource]]
    const merged = record(merge(common, record(Properties)))
    const own = { ...rest, Type: FUNCTION, Properties: functionOf(merged) }
    const alias = aliasOf(id, merged)
    return alias === undefined
      ? [[id, own]]
      : [
          [id, own],
          [`${id}Alias`, { ...rest, ...alias }],
        ]
  })
  return { ...template, Resources: Object.fromEntries(resources) }
}

function functionOf({ CapacityProviderConfig, ...properties }: Properties): Properties {
  if (CapacityProviderConfig === undefined) return properties
  const { Arn, ...config } = record(CapacityProviderConfig)
  const provider = { ...config, CapacityProviderArn: Arn }
  return { ...properties, CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig: provider } }
}

function aliasOf(id: string, { AutoPublishAlias, ProvisionedConcurrencyConfig }: Properties) {
  if (AutoPublishAlias === undefined || ProvisionedConcurrencyConfig === undefined) return undefined
  const Properties = { FunctionName: { Ref: id }, Name: AutoPublishAlias, ProvisionedConcurrencyConfig }
  return { Type: 'AWS::Lambda::Alias', Properties }
}

function merge(common: unknown, own: unknown): unknown {
  if (own === undefined) return common
  if (!isPlain(common) || !isPlain(own)) return own
  const keys = new Set([...Object.keys(common), ...Object.keys(own)])
  return Object.fromEntries([...keys].map((key) => [key, merge(common[key], own[key])]))
}

/** A map, and not the call of an intrinsic function, which is taken as a whole. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const [key, second] = Object.keys(value)
  return second !== undefined || !(key === 'Ref' || key?.startsWith('Fn::'))
}
