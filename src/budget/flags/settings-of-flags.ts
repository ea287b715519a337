import { withEnvironments } from '../concurrency/environments.js'
import type { Deployment } from '../deployment.js'
import { type Problems, wrongValue } from '../errors.js'
import { resolveTemplate } from '../expressions.js'
import { listed } from '../listed.js'
import { readSettings, TARGETS } from '../settings/settings.js'
import type { Deployed, DeployedFunction } from '../sources/deployed.js'
import { asCount } from '../template.js'
import { COMMAND_LINE, type Flags } from './flags.js'
import { variableIn, variableOf } from './variables.js'
import { wordingOf } from './wording-of-flags.js'

/** Options that can be said for one function. */
const OPTIONS = ['max', 'min', 'target', 'pools', 'workers'] as const

/** What a budget is drawn up from, and what is not in it. */
export interface Flagged {
  readonly deployment: Deployment
  /** Functions of the tool, which nobody has named. */
  readonly leftOut: readonly string[]
  /** Parts of it that are not written out. */
  readonly unread: readonly string[]
  /** Options for all functions that are for none, as each says it itself: `--max 3`. */
  readonly idle: readonly string[]
}

/**
 * What a budget is drawn up from, of a deployment and what was said to it on a command line. What a function's own environment says is a
 * fact, as its pool reads it: an option for all functions is for those that have no such variable.
 */
export function deploymentOf(flags: Flags, all: Deployed, problems: Problems): Flagged {
  const { resources, absent } = resolveTemplate(all.template, parametersIn(flags, all, problems))
  const deployed = { ...all, functions: all.functions.filter(({ id }) => !absent.includes(id)) }
  const wording = wordingOf(deployed, resources)
  const names = new Names(deployed, problems)
  const { none, some } = chosen(flags, names)
  const own = new Map<string, Record<string, string>>()
  const idle: string[] = []
  for (const name of some) own.set(name, {})
  for (const option of OPTIONS) {
    const { all, one } = valuesOf(option, flags[option], names)
    if (all !== undefined && !canBe(option, all)) {
      problems.add(
        wrongValue(
          COMMAND_LINE,
          `--${option}`,
          option === 'target' ? `one of ${TARGETS.join(', ')}` : 'an integer',
          all,
        ),
      )
      continue
    }
    let isIdle = all !== undefined
    for (const { name, id, isOfTool } of deployed.functions) {
      const inEnvironment = variableIn(resources[id], option)
      const said = one.get(name)
      if (said !== undefined && inEnvironment !== undefined && inEnvironment !== said) {
        const expected = `none, or the ${inEnvironment} of ${variableOf(option)} in its environment`
        problems.add(wrongValue(COMMAND_LINE, `--${option} ${name}=…`, expected, said))
      }
      const isForAll = inEnvironment === undefined && (!isOfTool || some.has(name))
      const value = said ?? (isForAll ? all : undefined)
      if (value !== undefined) own.set(name, { ...own.get(name), [option]: value })
      isIdle &&= said !== undefined || !isForAll
    }
    if (isIdle) idle.push(`--${option} ${all}`)
  }
  for (const { name, reservedConcurrency } of flags.stated) {
    const found = deployed.functions.find((it) => it.name === name || it.id === name)?.name
    if (found === undefined || reservedConcurrency === undefined) continue
    own.set(found, { ...own.get(found), environments: String(reservedConcurrency) })
  }
  for (const name of none) own.set(name, { max: '0' })
  const written = {
    ...given('maxConnections', flags.maxConnections),
    ...given('database', flags.database),
    ...given('reserve', flags.reserve),
    ...given('accountConcurrency', flags.accountConcurrency),
    proxy: { ...given('sessions', flags.proxySessions), ...given('clients', flags.proxyClients) },
    functions: Object.fromEntries(own),
  }
  const isCounted = ({ name, isOfTool }: DeployedFunction) => !isOfTool || own.has(name)
  const counted = deployed.functions.filter(isCounted)
  const present = counted.map(({ name }) => name)
  const open = {
    settings: readSettings(written, { present }, COMMAND_LINE, wording, problems),
    logicalIds: Object.fromEntries(counted.map(({ name, id }) => [name, id])),
    resources,
    sources: { configuration: COMMAND_LINE, fileOf: (id: string) => deployed.fileOf(id) ?? COMMAND_LINE },
    wording,
  }
  const deployment = withEnvironments(open, problems)
  const leftOut = deployed.functions.filter((it) => !isCounted(it)).map(({ name }) => name)
  return { deployment, leftOut, unread: all.unread, idle }
}

/** The values of `--param`, by name. */
function parametersIn({ param }: Flags, { template }: Deployed, problems: Problems): Readonly<Record<string, string>> {
  const known = Object.keys(template.Parameters)
  const expected = known.length === 0 ? 'none, as nothing of it has parameters' : `NAME=VALUE, of ${known.join(', ')}`
  const values = param.map((text) => {
    const [, name = '', value] = /^([^=]*)=(.*)$/s.exec(text) ?? []
    // The value may be a secret.
    const isKnown = value !== undefined && (known.includes(name) || name.startsWith('AWS::'))
    if (!isKnown) problems.add(wrongValue(COMMAND_LINE, '--param', expected, value === undefined ? text : name))
    return [name, value ?? ''] as const
  })
  return Object.fromEntries(values)
}

/** Names of functions as they are typed: each may go by its id too. */
class Names {
  readonly #byName: ReadonlyMap<string, string>
  readonly #all: string[]
  readonly #problems: Problems

  constructor({ functions }: Deployed, problems: Problems) {
    this.#all = functions.filter(({ isOfTool }) => !isOfTool).map(({ name }) => name)
    this.#byName = new Map([
      ...functions.map(({ id, name }) => [id, name] as const),
      ...functions.map(({ name }) => [name, name] as const),
    ])
    this.#problems = problems
  }

  /** Without those of the tool, which nobody has to leave out. */
  all(): string[] {
    return this.#all
  }

  /** The name that it has in the budget. Of a stranger it is noted that it is one. */
  find(option: string, typed: string): string[] {
    const name = this.#byName.get(typed)
    if (name !== undefined) return [name]
    this.#problems.add(wrongValue(COMMAND_LINE, `--${option}`, `names of functions (${listed(this.all())})`, typed))
    return []
  }
}

/** The functions that open no sessions, as somebody says, and those of which somebody says that they do. */
function chosen({ only, except }: Flags, names: Names): { readonly none: Set<string>; readonly some: Set<string> } {
  const listed = (option: string, texts: readonly string[]) =>
    texts.flatMap((text) => text.split(',')).flatMap((name) => names.find(option, name.trim()))
  const some = new Set(listed('only', only))
  const others = only.length === 0 ? [] : names.all().filter((name) => !some.has(name))
  return { none: new Set([...others, ...listed('except', except)]), some }
}

function valuesOf(option: string, texts: readonly string[], names: Names) {
  let all: string | undefined
  const one = new Map<string, string>()
  for (const text of texts) {
    const at = text.lastIndexOf('=')
    if (at === -1) all = text
    else for (const name of names.find(option, text.slice(0, at))) one.set(name, text.slice(at + 1))
  }
  return { all, one }
}

/** Whether an option can have a value for all functions. For one it is checked where the other settings are. */
function canBe(option: string, value: string): boolean {
  return option === 'target' ? TARGETS.some((it) => it === value) : asCount(value) !== undefined
}

function given(key: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [key]: value }
}
