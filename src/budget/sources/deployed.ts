import type { Words } from './words.js'

/** As much of a CloudFormation template as a budget is read from: what any other tool says is put in its words. */
export interface Template {
  readonly Parameters: Readonly<Record<string, unknown>>
  readonly Mappings: Readonly<Record<string, unknown>>
  readonly Conditions: Readonly<Record<string, unknown>>
  readonly Resources: Readonly<Record<string, unknown>>
}

/** A function of a deployment. */
export interface DeployedFunction {
  /** As people call it. Unique among the functions of a deployment. */
  readonly name: string
  /** Of its resource, by which it may be called too. */
  readonly id: string
  /** Whether it is of the tool, for its own purposes, and so opens no session. */
  readonly isOfTool: boolean
}

/** What a deployment tool's file says. */
export interface Deployed {
  readonly template: Template
  readonly functions: readonly DeployedFunction[]
  /** Parts of it that are not written out, such as stacks whose templates are elsewhere: what functions they have is not known. */
  readonly unread: readonly string[]
  readonly words: Words
  /** The file that a resource stands in, if it stands in one. */
  fileOf(id: string): string | undefined
}

export const FUNCTION = 'AWS::Lambda::Function'
