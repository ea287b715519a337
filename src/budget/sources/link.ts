import { record } from '../template.js'
import type { Template } from './deployed.js'

/** One of several stacks that are deployed together. */
export interface Stack {
  /** As its resources are called where another stack has some of the same names. */
  readonly name: string
  /** As CloudFormation calls it. */
  readonly stackName: string
  readonly template: Template
  readonly outputs: Readonly<Record<string, unknown>>
  /** Values that a stack hands on to the stack in it. */
  readonly given: Readonly<Record<string, unknown>>
  /** The stacks in it, by the id that each has there. */
  readonly nested: Readonly<Record<string, Stack>>
}

/** Several stacks as one template. */
export interface Linked {
  readonly template: Template
  /** The id that a resource of a stack has in it. */
  idOf(stack: Stack, id: string): string
}

/**
 * Makes one template of several stacks: what one exports and another imports, and what is handed to a nested stack and comes out of it,
 * becomes the reference that it stands for. What has the same name in two of them is renamed.
 */
export function link(roots: readonly Stack[]): Linked {
  const stacks = roots.flatMap(withNested)
  const renamed = renamings(stacks)
  const exported = new Map<string, Exported>()
  const scopes = new Map<Stack, Scope>()

  const enter = (stack: Stack, parent: Scope | undefined): void => {
    const scope: Scope = { stack, parent, rename: (name) => renamed.get(stack)?.get(name) ?? name, scopes, exported }
    scopes.set(stack, scope)
    for (const [key, output] of Object.entries(stack.outputs)) {
      const { Value: value, Export } = record(output)
      const { Name } = record(Export)
      if (typeof Name === 'string') exported.set(Name, { value, scope })
      exported.set(outputKey(stack.stackName, key), { value, scope })
    }
    for (const each of Object.values(stack.nested)) enter(each, scope)
  }
  for (const stack of roots) enter(stack, undefined)

  const section = (key: keyof Template) =>
    Object.fromEntries(
      [...scopes].flatMap(([{ template }, scope]) =>
        Object.entries(template[key]).map(([name, value]) => [scope.rename(name), linked(value, scope, 0)]),
      ),
    )
  return {
    template: {
      Parameters: section('Parameters'),
      Mappings: section('Mappings'),
      Conditions: section('Conditions'),
      Resources: section('Resources'),
    },
    idOf: (stack, id) => renamed.get(stack)?.get(id) ?? id,
  }
}

/** Where an expression stands. */
interface Scope {
  readonly stack: Stack
  readonly parent: Scope | undefined
  rename(name: string): string
  readonly scopes: ReadonlyMap<Stack, Scope>
  readonly exported: ReadonlyMap<string, Exported>
}

/** What a stack hands to the others, and where it stands. */
interface Exported {
  readonly value: unknown
  readonly scope: Scope
}

/** Under which an output is found that is no export. */
function outputKey(stackName: unknown, output: unknown): string {
  return JSON.stringify([stackName, output])
}

/** Exports that lead to each other in a circle end there. */
const DEEPEST = 50

function linked(value: unknown, scope: Scope, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return value
  if (Array.isArray(value)) return value.map((it) => linked(it, scope, depth))
  const [[key, operand] = [], second] = Object.entries(value)
  const deeper = (inner: unknown, where = scope) => linked(inner, where, depth + 1)
  if (second === undefined && key !== undefined) {
    switch (key) {
      case 'Ref':
      case 'Condition':
        return typeof operand === 'string' ? referred(key, operand, scope, deeper) : value
      case 'Fn::GetAtt':
        return attribute(operand, scope, deeper)
      case 'Fn::If':
      case 'Fn::FindInMap':
        return { [key]: renamedFirst(operand, scope, deeper) }
      case 'Fn::Sub':
        return { [key]: substituted(operand, scope, deeper) }
      case 'Fn::ImportValue':
      case 'Fn::GetStackOutput': {
        const { StackName, OutputName } = record(operand)
        const found = scope.exported.get(typeof operand === 'string' ? operand : outputKey(StackName, OutputName))
        return found === undefined ? { [key]: deeper(operand) } : deeper(found.value, found.scope)
      }
    }
  }
  const entries = Object.entries(value).map(([name, it]) =>
    // The condition of a resource.
    name === 'Condition' && typeof it === 'string' ? [name, scope.rename(it)] : [name, linked(it, scope, depth)],
  )
  return Object.fromEntries(entries)
}

type Deeper = (value: unknown, scope?: Scope) => unknown

function referred(key: string, name: string, scope: Scope, deeper: Deeper): unknown {
  const { stack, parent } = scope
  if (key === 'Ref' && parent !== undefined && Object.hasOwn(stack.given, name))
    return deeper(stack.given[name], parent)
  return { [key]: scope.rename(name) }
}

function attribute(operand: unknown, scope: Scope, deeper: Deeper): unknown {
  const [id, ...names] = typeof operand === 'string' ? operand.split('.') : Array.isArray(operand) ? operand : []
  if (typeof id !== 'string') return { 'Fn::GetAtt': operand }
  const path = names.join('.')
  const inner = Object.hasOwn(scope.stack.nested, id) ? scope.stack.nested[id] : undefined
  const output = inner?.outputs[path.replace(/^Outputs\./, '')]
  const innerScope = inner === undefined ? undefined : scope.scopes.get(inner)
  if (output !== undefined && innerScope !== undefined) return deeper(record(output).Value, innerScope)
  return { 'Fn::GetAtt': [scope.rename(id), path] }
}

function renamedFirst(operand: unknown, scope: Scope, deeper: Deeper): unknown {
  if (!Array.isArray(operand)) return deeper(operand)
  const [name, ...rest] = operand
  return [typeof name === 'string' ? scope.rename(name) : deeper(name), ...rest.map((it) => deeper(it))]
}

function substituted(operand: unknown, scope: Scope, deeper: Deeper): unknown {
  const [text, variables] = Array.isArray(operand) ? operand : [operand]
  if (typeof text !== 'string') return operand
  const own = record(variables)
  const renamed = text.replaceAll(/\$\{([^!}.][^}.]*)(\.[^}]*)?\}/g, (all, name: string, path = '') =>
    Object.hasOwn(own, name) ? all : `\${${scope.rename(name)}${path}}`,
  )
  return variables === undefined ? renamed : [renamed, deeper(own)]
}

function withNested(stack: Stack): Stack[] {
  return [stack, ...Object.values(stack.nested).flatMap(withNested)]
}

/** What a name that an earlier stack has already becomes. */
function renamings(stacks: readonly Stack[]): Map<Stack, Map<string, string>> {
  const taken = new Set<string>()
  return new Map(
    stacks.map((stack) => {
      const own = new Set(Object.values(stack.template).flatMap((section) => Object.keys(section)))
      const renamed = [...own].filter((name) => taken.has(name)).map((name) => [name, `${stack.name}/${name}`] as const)
      for (const name of own) taken.add(name)
      return [stack, new Map(renamed)]
    }),
  )
}
