import {
  type CollectionTag,
  LineCounter,
  Pair,
  parseDocument,
  Scalar,
  type ScalarTag,
  type Tags,
  YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { unreadable } from './unreadable.js'

/** Intrinsic functions that have a short form in YAML, and what it stands for where that is not `Fn::` and the name. */
const SHORT_FORMS: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'And Base64 Cidr Contains EachMemberEquals EachMemberIn Equals FindInMap GetAtt GetAZs GetStackOutput If ImportValue Join Length Not Or',
    'RefAll Select Split Sub ToJsonString Transform ValueOf ValueOfAll',
  ]
    .join(' ')
    .split(' ')
    .map((name) => [name, `Fn::${name}`])
    .concat([
      ['Ref', 'Ref'],
      ['Condition', 'Condition'],
    ]),
)

/** What JSON or YAML says, whichever it is. @throws {BudgetError} in a line, which quotes nothing: a secret may be in it. */
export function parse(file: string, bytes: Buffer): unknown {
  const text = textOf(file, bytes)
  try {
    return JSON.parse(text, withoutOwnMethods)
  } catch {
    return parseYaml(file, text)
  }
}

/** Names that no tool gives to anything, under which JavaScript finds what an object is, and how it reads as a text. */
const METHODS = ['__proto__', 'toString', 'valueOf']

function withoutOwnMethods(key: unknown, value: unknown): unknown {
  return METHODS.includes(String(key)) ? undefined : value
}

function textOf(file: string, bytes: Buffer): string {
  let text: string
  try {
    text = new TextDecoder(isUtf16(bytes) ? 'utf-16le' : 'utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw unreadable(file, bytes.subarray(0, 2).toString() === 'PK' ? ARCHIVE : BINARY)
  }
  if (text.includes('\0')) throw unreadable(file, BINARY)
  if (text.trim() === '') throw unreadable(file, 'an empty file')
  return text
}

/** What PowerShell makes of `> plan.json`. */
function isUtf16(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xfe
}

const BINARY = 'a binary file'
/** Terraform's saved plan is one. */
const ARCHIVE = 'a binary file: of a plan of Terraform take the output of `terraform show -json plan.out`'

function parseYaml(file: string, text: string): unknown {
  if (/^\s*\{"@level"/.test(text))
    throw unreadable(file, 'the log of Terraform: take the output of `terraform show -json`')
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { customTags, lineCounter, prettyErrors: false, logLevel: 'error', merge: true })
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0])
    throw unreadable(file, `neither JSON nor YAML: line ${line}, column ${col} (${error.code})`)
  }
  try {
    return document.toJS({ maxAliasCount: 1000, reviver: withoutOwnMethods })
  } catch {
    // Aliases of aliases of aliases.
    throw unreadable(file, 'YAML with too many aliases')
  }
}

function customTags(tags: Tags): Tags {
  const short = Object.entries(SHORT_FORMS).flatMap(([name, key]): (ScalarTag | CollectionTag)[] => {
    const tag = `!${name}`
    const resolve = (items: YAMLMap | YAMLSeq) => meant(key, items)
    return [
      { tag, resolve: (text: string) => ({ [key]: key === 'Fn::GetAtt' ? attributeOf(text) : text }) },
      { tag, collection: 'seq', resolve },
      { tag, collection: 'map', resolve },
    ]
  })
  return [...tags, ...short]
}

/** A node, in which there may be others with tags. */
function meant(key: string, value: unknown): YAMLMap {
  const map = new YAMLMap()
  map.items.push(new Pair(new Scalar(key), value))
  return map
}

/** `!GetAtt Database.Endpoint.Address` is `Fn::GetAtt: [Database, Endpoint.Address]`. */
function attributeOf(text: string): unknown {
  const dot = text.indexOf('.')
  return dot === -1 ? text : [text.slice(0, dot), text.slice(dot + 1)]
}
