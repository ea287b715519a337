import { normalize } from 'node:path'
import { record } from '../../template.js'
import { functionsOf, templateOf, unreadIn } from '../cloudformation.js'
import type { Deployed } from '../deployed.js'
import { link, type Stack } from '../link.js'
import { distinctNames } from '../names.js'
import { asked, refused, unreadable } from '../unreadable.js'
import { cdkWords } from '../words.js'
import { baseOf, constructsOf, isOfCdk, type Metadata } from './cdk-constructs.js'

/** Reads and parses a file of the directory. @throws {BudgetError} */
export type ReadPart = (path: string) => Readonly<Record<string, unknown>>

/** A stack, and where it comes from. */
interface CdkStack extends Stack {
  /** `Prod/Api`, as `cdk deploy` calls it. */
  readonly path: string
  /** The directory of its assembly: each stage has one. */
  readonly directory: string
  readonly file: string
  readonly nested: Readonly<Record<string, CdkStack>>
  /** The construct that a resource belongs to, relative to the app: `Prod/Api/Orders/Resource`. */
  constructOf(id: string): string | undefined
}

/** What is said of a stack beside its template. */
interface Assembly {
  readonly directory: string
  readonly read: ReadPart
  readonly metadata: Metadata
  /** By the hash of their content. */
  readonly assets: Readonly<Record<string, unknown>>
}

/** What a synthesised app has: a manifest with stacks, and with the assemblies of its stages. */
export function isCdk(manifest: Readonly<Record<string, unknown>>): boolean {
  return typeof manifest.version === 'string' && Object.keys(record(manifest.artifacts)).length > 0
}

/** Reads `cdk.out`: all stacks, or those of the given names. `Prod/*` is all of a stage. @throws {BudgetError} */
export function readCdk(directory: string, read: ReadPart, chosen: readonly string[]): Deployed {
  const all = stacksOf(directory, read)
  if (all.length === 0) throw unreadable(directory, 'a cdk.out without stacks')
  const stacks = chosen.length === 0 ? all : all.filter(({ path }) => chosen.some((it) => matches(it, path)))
  if (chosen.length === 0) askForStage(directory, stacks)
  const unused = chosen.find((it) => !all.some(({ path }) => matches(it, path)))
  if (unused !== undefined) {
    throw refused(`${directory}: no stack ${unused}: there are ${all.map(({ path }) => path).join(', ')}`)
  }
  const { template, idOf } = link(stacks)
  const parts = stacks.flatMap(withNested)
  const files = new Map(parts.flatMap((it) => Object.keys(it.template.Resources).map((id) => [idOf(it, id), it.file])))
  const constructs = new Map(
    parts.flatMap((it) => Object.keys(it.template.Resources).map((id) => [idOf(it, id), it.constructOf(id) ?? id])),
  )
  const functions = parts.flatMap((stack) =>
    functionsOf(stack.template, (id) => namesOf(stack, id)).map(({ id, names }) => ({
      names,
      id: idOf(stack, id),
      isOfTool: isOfCdk(stack.constructOf(id) ?? id),
    })),
  )
  return {
    template,
    functions: distinctNames(functions),
    unread: parts.flatMap((it) => unreadIn(it.template).filter((id) => !Object.hasOwn(it.nested, id))),
    words: cdkWords((id) => constructs.get(id) ?? id),
    fileOf: (id) => files.get(id),
  }
}

/** Stages are the same service several times, each with a database of its own. */
function askForStage(directory: string, stacks: readonly CdkStack[]): void {
  const isOwn = ({ template, constructOf }: CdkStack) =>
    functionsOf(template, () => []).some(({ id }) => !isOfCdk(constructOf(id) ?? id))
  const withFunctions = stacks.filter((stack) => withNested(stack).some(isOwn))
  const stages = [...new Set(withFunctions.map((it) => it.directory))]
  if (stages.length < 2) return
  const names = stages.map((stage) => {
    const paths = stacks.filter((it) => it.directory === stage).map(({ path }) => path)
    return stage === directory ? paths.join(',') : `'${paths[0]?.replace(/[^/]*$/, '*')}'`
  })
  throw asked(`${directory}: several stages have functions: expected --stack, such as ${names.join(' or ')}`)
}

/** @param within the assemblies that it is in: one that is in itself ends there. */
function stacksOf(directory: string, read: ReadPart, within: readonly string[] = []): CdkStack[] {
  const artifacts = Object.entries(record(read(`${directory}/manifest.json`).artifacts)).map(
    ([name, artifact]) =>
      ({ name, ...record(artifact) }) as { readonly name: string } & Readonly<Record<string, unknown>>,
  )
  const assetFiles = artifacts
    .filter(({ type }) => type === 'cdk:asset-manifest')
    .map((it) => record(it.properties).file)
  const assets = Object.assign({}, ...assetFiles.map((file) => record(read(`${directory}/${file}`).files)))
  return artifacts.flatMap(({ name, type, properties, displayName, metadata, additionalMetadataFile }) => {
    const { templateFile, directoryName, stackName = name } = record(properties)
    if (type === 'cdk:cloud-assembly' && typeof directoryName === 'string') {
      const inner = normalize(`${directory}/${directoryName}`)
      return [directory, ...within].includes(inner) ? [] : stacksOf(inner, read, [directory, ...within])
    }
    if (type !== 'aws:cloudformation:stack' || typeof templateFile !== 'string') return []
    const more = typeof additionalMetadataFile === 'string' ? read(`${directory}/${additionalMetadataFile}`) : {}
    // `Prod/Api (prod-api)` where the stack has a name of its own.
    const path = typeof displayName === 'string' ? displayName.replace(/ \(.*\)$/, '') : name
    const assembly = { directory, read, metadata: { ...record(metadata), ...more }, assets }
    return [stackOf({ path, stackName: String(stackName), templateFile, given: {}, within: [] }, assembly)]
  })
}

interface Place extends Pick<CdkStack, 'path' | 'stackName' | 'given'> {
  readonly templateFile: string
  /** The templates that it is nested in: one that is in itself ends there. */
  readonly within: readonly string[]
}

function stackOf({ path, stackName, templateFile, given, within }: Place, assembly: Assembly): CdkStack {
  const trail = [templateFile, ...within]
  const file = `${assembly.directory}/${templateFile}`
  const parsed = assembly.read(file)
  const template = templateOf(parsed)
  const nested = Object.entries(template.Resources).flatMap(([id, resource]): [string, CdkStack][] => {
    const { Type, Properties, Metadata } = record(resource)
    if (Type !== 'AWS::CloudFormation::Stack') return []
    const { Parameters, TemplateURL } = record(Properties)
    const inner = record(Metadata)['aws:asset:path'] ?? assetOf(TemplateURL, assembly)
    if (typeof inner !== 'string' || trail.includes(inner)) return []
    const where = baseOf(inner, assembly.metadata) ?? `${path}/${id}`
    const place = { path: where, stackName: where, templateFile: inner, given: record(Parameters), within: trail }
    return [[id, stackOf(place, assembly)]]
  })
  const constructs = constructsOf(templateFile, path, template.Resources, assembly.metadata)
  return {
    name: path,
    path,
    directory: assembly.directory,
    stackName,
    file,
    template,
    outputs: record(parsed.Outputs),
    given,
    nested: Object.fromEntries(nested),
    constructOf: (id) => constructs.get(id),
  }
}

/** The file of a nested stack, by the hash that the URL of its template has in it. */
function assetOf(url: unknown, { assets }: Assembly): unknown {
  const text = JSON.stringify(url ?? '')
  const [, asset] = Object.entries(assets).find(([hash]) => text.includes(hash)) ?? []
  return record(record(asset).source).path
}

/** `Orders` of the stack; `Prod/Api/Orders` where another stack has such a one too. */
function namesOf(stack: CdkStack, id: string): string[] {
  const construct = stack.constructOf(id)?.replace(/\/Resource$/, '')
  if (construct === undefined) return [id, `${stack.path}/${id}`]
  return construct.startsWith(`${stack.path}/`) ? [construct.slice(stack.path.length + 1), construct] : [construct]
}

/** `*` is any part of a name, and what the name of a stage says holds for its stacks. */
function matches(pattern: string, path: string): boolean {
  const parts = pattern.split(/\*+/).map((it) => it.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}(/.*)?$`).test(path)
}

function withNested(stack: CdkStack): CdkStack[] {
  return [stack, ...Object.values(stack.nested).flatMap(withNested)]
}
