import { type Resources, record, resourcesOf } from './template.js'

/** A template, as far as it can be known before its deployment. */
export interface ResolvedTemplate {
  /** Those that are made. What can't be known of them stays the expression that it was. */
  readonly resources: Resources
  /** The logical ids of those that aren't, as their condition is false. */
  readonly absent: readonly string[]
}

/**
 * Resolves the expressions of a CloudFormation template: parameters, conditions, mappings, and texts and lists made of them.
 *
 * @param parameters values for the deployment, before the defaults: of the template's parameters, and of pseudo parameters such as
 *   `AWS::Region`.
 */
export function resolveTemplate(
  template: unknown,
  parameters: Readonly<Record<string, unknown>> = {},
): ResolvedTemplate {
  const resolver = new Resolver(template, parameters)
  const resources: Record<string, Resources[string]> = {}
  const absent: string[] = []
  for (const [id, { Type, Properties }] of Object.entries(resourcesOf(template))) {
    if (resolver.isAbsent(id)) absent.push(id)
    else resources[id] = { Type, Properties: record(resolver.resolve(Properties)) }
  }
  return { resources, absent }
}

/** Why a value can't be known before the deployment, as a sentence's end; undefined if it is known. */
export function unknownBecause(value: unknown): string | undefined {
  if (isDynamicReference(value)) return 'is read from a secret or parameter store at the deployment'
  const call = callOf(value)
  if (call === undefined) return undefined
  const [name, argument] = call
  if (name === 'Fn::ImportValue') return 'is imported from another stack'
  if (name === 'Ref') return `refers to ${String(argument)}, which has no value before the deployment`
  return `is known to CloudFormation alone (${name})`
}

/** Stands for `AWS::NoValue`: whatever has it is not there. */
const NO_VALUE = Symbol('AWS::NoValue')

/** Expressions by what they are made of. A result of undefined means that it can't be known. */
class Resolver {
  readonly #parameters: Readonly<Record<string, unknown>>
  readonly #declared: Readonly<Record<string, unknown>>
  readonly #mappings: Readonly<Record<string, unknown>>
  readonly #conditions: Readonly<Record<string, unknown>>
  readonly #resources: Readonly<Record<string, unknown>>
  /** Objects that are being resolved: one that is part of itself is left as it is. */
  readonly #open = new Set<object>()
  /** Conditions that were asked for; one that is still being answered, as it depends on itself, is not known. */
  readonly #answers = new Map<string, boolean | undefined>()

  constructor(template: unknown, parameters: Readonly<Record<string, unknown>>) {
    const { Parameters, Mappings, Conditions, Resources } = record(template)
    this.#parameters = parameters
    this.#declared = record(Parameters)
    this.#mappings = record(Mappings)
    this.#conditions = record(Conditions)
    this.#resources = record(Resources)
  }

  isAbsent(id: string): boolean {
    const { Condition } = record(this.#resources[id])
    return typeof Condition === 'string' && this.#isTrue({ Condition }) === false
  }

  /** The value with all in it that can be known. */
  resolve(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (this.#open.has(value)) return value
    this.#open.add(value)
    try {
      const call = callOf(value)
      return call === undefined ? this.#resolveEach(value) : (this.#call(...call) ?? value)
    } finally {
      this.#open.delete(value)
    }
  }

  #resolveEach(value: object): unknown {
    if (Array.isArray(value)) return value.map((each) => this.resolve(each)).filter((each) => each !== NO_VALUE)
    const entries = Object.entries(value).map(([key, each]) => [key, this.resolve(each)] as const)
    return Object.fromEntries(entries.filter(([, each]) => each !== NO_VALUE))
  }

  #call(name: string, argument: unknown): unknown {
    switch (name) {
      case 'Ref':
        return this.#parameter(String(argument))
      case 'Fn::If':
        return this.#if(argument)
      case 'Fn::FindInMap':
        return this.#findInMap(argument)
      case 'Fn::Sub':
        return this.#substitute(argument)
      case 'Fn::Join': {
        const [delimiter, list] = this.#known(argument) ?? []
        return Array.isArray(list) ? list.map(String).join(String(delimiter)) : undefined
      }
      case 'Fn::Split': {
        const [delimiter, text] = this.#known(argument) ?? []
        return typeof text === 'string' ? text.split(String(delimiter)) : undefined
      }
      case 'Fn::Select': {
        // Of a list of which not all is known, what is chosen may be.
        const [index, list] = Array.isArray(argument) ? argument.map((each) => this.resolve(each)) : []
        return Array.isArray(list) ? list[Number(index)] : undefined
      }
      default:
        return undefined
    }
  }

  #parameter(name: string): unknown {
    if (name === 'AWS::NoValue') return NO_VALUE
    const { Type, Default } = record(this.#declared[name])
    // Whose value is the name of the parameter that has it.
    if (String(Type).startsWith('AWS::SSM::')) return undefined
    const value = this.#parameters[name] ?? Default
    const isList = Type === 'CommaDelimitedList' || String(Type).startsWith('List<')
    return isList && typeof value === 'string' ? value.split(',').map((each) => each.trim()) : value
  }

  #if(argument: unknown): unknown {
    const [Condition, yes, no] = Array.isArray(argument) ? argument : []
    const isTrue = this.#isTrue({ Condition })
    return isTrue === undefined ? undefined : this.resolve(isTrue ? yes : no)
  }

  #findInMap(argument: unknown): unknown {
    const [name, first, second, otherwise] = this.#known(argument) ?? []
    const found = record(record(this.#mappings[String(name)])[String(first)])[String(second)]
    return found ?? record(otherwise).DefaultValue
  }

  #substitute(argument: unknown): unknown {
    const [text, own] = Array.isArray(argument) ? argument : [argument, {}]
    if (typeof text !== 'string') return undefined
    const variables = record(own)
    let isKnown = true
    const result = text.replace(/\$\{(!?)([^}]+)\}/g, (whole, literal: string, name: string) => {
      if (literal !== '') return `\${${name}}`
      const value = name in variables ? this.resolve(variables[name]) : this.#parameter(name.trim())
      isKnown &&= typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      return isKnown ? String(value) : whole
    })
    return isKnown ? result : undefined
  }

  /** The arguments of a function, if all of them are known. */
  #known(argument: unknown): readonly unknown[] | undefined {
    const values = this.resolve(argument)
    return Array.isArray(values) && isKnown(values) ? values : undefined
  }

  /** Whether a condition holds; undefined where that can't be known. */
  #isTrue(condition: unknown): boolean | undefined {
    const { Condition: name } = record(condition)
    if (typeof name === 'string') {
      if (!this.#answers.has(name)) {
        this.#answers.set(name, undefined)
        this.#answers.set(name, this.#isTrue(this.#conditions[name]))
      }
      return this.#answers.get(name)
    }
    const [operator, operands] = callOf(condition) ?? []
    if (!Array.isArray(operands)) return undefined
    switch (operator) {
      case 'Fn::Equals': {
        const [one, other] = this.#known(operands) ?? []
        return one === undefined ? undefined : JSON.stringify(asText(one)) === JSON.stringify(asText(other))
      }
      case 'Fn::Not': {
        const isTrue = this.#isTrue(operands[0])
        return isTrue === undefined ? undefined : !isTrue
      }
      case 'Fn::And':
      case 'Fn::Or': {
        const each = operands.map((operand) => this.#isTrue(operand))
        const deciding = operator === 'Fn::Or'
        if (each.includes(deciding)) return deciding
        return each.includes(undefined) ? undefined : !deciding
      }
      default:
        return undefined
    }
  }
}

/** The function and its argument, if a value is a call of one: an object with one key, which is a function's. */
function callOf(value: unknown): readonly [name: string, argument: unknown] | undefined {
  const [entry, second] = Object.entries(record(value))
  if (entry === undefined || second !== undefined) return undefined
  return entry[0] === 'Ref' || entry[0].startsWith('Fn::') ? entry : undefined
}

function isKnown(value: unknown): boolean {
  if (value === NO_VALUE || isDynamicReference(value) || callOf(value) !== undefined) return false
  return typeof value === 'object' && value !== null ? Object.values(value).every(isKnown) : true
}

function isDynamicReference(value: unknown): boolean {
  return typeof value === 'string' && value.includes('{{resolve:')
}

/** CloudFormation compares texts: a parameter is always one. */
function asText(value: unknown): unknown {
  return typeof value === 'object' ? value : String(value)
}
