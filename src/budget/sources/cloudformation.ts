import { record } from '../template.js'
import { type Deployed, type DeployedFunction, FUNCTION, type Template } from './deployed.js'
import { distinctNames } from './names.js'
import { expandSam, isSam } from './sam.js'
import { CLOUDFORMATION_WORDS } from './words.js'

/** Whether it is a template: of CloudFormation, or of SAM. */
export function isTemplate(parsed: Readonly<Record<string, unknown>>): boolean {
  const resources = record(parsed.Resources)
  return (
    Object.values(resources).some((it) => typeof record(it).Type === 'string') || Object.keys(resources).some(isMacro)
  )
}

/** Reads a template of CloudFormation, or of SAM. */
export function readCloudFormation(file: string, parsed: Readonly<Record<string, unknown>>): Deployed {
  const template = templateOf(parsed)
  return {
    template,
    functions: distinctNames(functionsOf(template, namesOf)),
    unread: unreadIn(template),
    words: CLOUDFORMATION_WORDS,
    fileOf: () => file,
  }
}

/** The parts of a template that count, with what SAM makes of them. */
export function templateOf(parsed: Readonly<Record<string, unknown>>): Template {
  const { Parameters, Mappings, Conditions, Resources, Globals } = parsed
  const template = {
    Parameters: record(Parameters),
    Mappings: record(Mappings),
    Conditions: record(Conditions),
    Resources: record(Resources),
  }
  return isSam(parsed) ? expandSam(template, Globals) : template
}

/** The functions of a template. */
export function functionsOf(
  { Resources }: Template,
  named: (id: string, resource: Readonly<Record<string, unknown>>) => readonly string[],
): (Omit<DeployedFunction, 'name'> & { readonly names: readonly string[] })[] {
  return Object.entries(Resources)
    .filter(([, resource]) => record(resource).Type === FUNCTION)
    .map(([id, resource]) => ({ id, names: named(id, record(resource)), isOfTool: false }))
}

/** What of it is written out elsewhere, or nowhere: stacks, which have templates of their own, and what CloudFormation makes resources of. */
export function unreadIn({ Resources }: Template): string[] {
  const types = ['AWS::CloudFormation::Stack', 'AWS::Serverless::Application']
  return Object.keys(Resources).filter((id) => isMacro(id) || types.includes(String(record(Resources[id]).Type)))
}

/** Whether what stands in the place of a resource is no resource, but makes some: `Fn::ForEach::Functions`, `Fn::Transform`. */
function isMacro(id: string): boolean {
  return id.startsWith('Fn::')
}

/** The name that somebody gave it, if it is written out. */
function namesOf(id: string, { Properties }: Readonly<Record<string, unknown>>): readonly string[] {
  const { FunctionName } = record(Properties)
  return typeof FunctionName === 'string' && FunctionName !== '' ? [FunctionName, id] : [id]
}
