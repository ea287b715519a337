import { record } from '../../template.js'
import { type ProviderResource, UNKNOWN } from './provider-resource.js'

/**
 * `terraform show -json` of a plan or a state, and OpenTofu's: https://developer.hashicorp.com/terraform/internals/json-format. What
 * becomes known only by the deployment is missing in `planned_values`; what it is made from is in `configuration`.
 */
export function isTerraform({ format_version, planned_values, values }: Readonly<Record<string, unknown>>): boolean {
  return typeof format_version === 'string' && (isObject(planned_values) || isObject(values))
}

/** All resources that there will be, or are; of data sources none. */
export function resourcesOfTerraform(parsed: Readonly<Record<string, unknown>>): ProviderResource[] {
  const planned = record(record(parsed.planned_values ?? parsed.values).root_module)
  const root = moduleOf('', planned, record(record(parsed.configuration).root_module), undefined)
  const changes = list(parsed.resource_changes).map(
    ({ address, change }) => [address, record(change).after_unknown] as const,
  )
  const unknown = new Map(changes)
  return resourcesOf(root).map((it) => ({ ...it, values: record(overlaid(it.values, unknown.get(it.id))) }))
}

/** Values with what is known only after the deployment, which the plan leaves out, and marks. */
function overlaid(value: unknown, unknown: unknown): unknown {
  if (unknown === true) return UNKNOWN
  if (Array.isArray(unknown))
    return Array.isArray(value) ? value.map((it, index) => overlaid(it, unknown[index])) : value
  const marks = Object.entries(record(unknown))
  if (marks.length === 0 || Array.isArray(value)) return value
  return {
    ...record(value),
    ...Object.fromEntries(marks.map(([key, it]) => [key, overlaid(own(record(value), key), it)])),
  }
}

/** A module where it is used: its resources by address, and how it is configured. */
interface Module {
  /** `module.api["eu"].`, or nothing for the root. */
  readonly prefix: string
  readonly resources: readonly Readonly<Record<string, unknown>>[]
  readonly configuration: Readonly<Record<string, unknown>>
  /** Values of its variables, which stand in the module that uses it. */
  readonly variables: Readonly<Record<string, unknown>>
  readonly parent: Module | undefined
  readonly children: Module[]
}

function moduleOf(
  prefix: string,
  planned: Readonly<Record<string, unknown>>,
  configuration: Readonly<Record<string, unknown>>,
  parent: Module | undefined,
  variables: Readonly<Record<string, unknown>> = {},
): Module {
  const resources = list(planned.resources).filter(
    ({ mode, address }) => mode !== 'data' && typeof address === 'string',
  )
  const module: Module = { prefix, resources, configuration, variables, parent, children: [] }
  for (const child of list(planned.child_modules)) {
    if (typeof child.address !== 'string') continue
    const call = record(own(record(configuration.module_calls), callOf(child.address.slice(prefix.length))))
    const childPrefix = `${child.address}.`
    module.children.push(moduleOf(childPrefix, child, record(call.module), module, record(call.expressions)))
  }
  return module
}

function resourcesOf(module: Module): ProviderResource[] {
  const configured = list(module.configuration.resources)
  const found = module.resources.map((resource): ProviderResource => {
    const { address, type, name, values } = resource
    const { expressions } = configured.find((it) => it.type === type && it.name === name) ?? {}
    return {
      id: String(address),
      name: String(name),
      type: String(type),
      values: record(values),
      referencesOf: (key) => referencesIn(own(record(expressions), key)).flatMap((it) => addressesOf(it, module, 0)),
    }
  })
  return [...found, ...module.children.flatMap(resourcesOf)]
}

/** Deeper than anybody nests modules; a configuration that leads round in a circle ends there. */
const DEEPEST = 30

/** The addresses of the resources that a reference, such as `aws_rds_cluster.main.id`, leads to: through variables and outputs. */
function addressesOf(reference: string, module: Module, depth: number): string[] {
  if (depth > DEEPEST) return []
  const [kind, name = '', output = ''] = reference.replaceAll(/\[[^\]]*\]/g, '').split('.')
  const through = (expression: unknown, where: Module) =>
    referencesIn(expression).flatMap((it) => addressesOf(it, where, depth + 1))
  if (kind === 'var') return module.parent === undefined ? [] : through(own(module.variables, name), module.parent)
  if (kind === 'module') {
    const called = module.children.filter(({ prefix }) => callOf(prefix.slice(module.prefix.length)) === name)
    return called.flatMap((child) => {
      const { expression } = record(own(record(child.configuration.outputs), output))
      return through(expression, child)
    })
  }
  const address = `${module.prefix}${kind}.${name}`
  return module.resources.map((it) => String(it.address)).filter((it) => it === address || it.startsWith(`${address}[`))
}

function referencesIn(expression: unknown): string[] {
  const { references } = record(expression)
  return Array.isArray(references) ? references.filter((it) => typeof it === 'string') : []
}

/** `db` of `module.db["eu"].` */
function callOf(address: string): string {
  return /^module\.([^.[]+)/.exec(address)?.[1] ?? ''
}

function own(values: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(values, key) ? values[key] : undefined
}

function list(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(record) : []
}

function isObject(value: unknown): boolean {
  return Object.keys(record(value)).length > 0
}
