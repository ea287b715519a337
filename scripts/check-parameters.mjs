// Says which `${param:…}` of a service has no value, and which value given to a command can't be one, before anything else is done: the
// framework says so late, not in which file, or not at all. A name that nothing takes is refused by `pg-thaw budget`.
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'

/**
 * One line for each parameter that has no value, or was given one that can't be.
 *
 * @param {string[]} args the arguments of the framework's command.
 * @param {string} configuration
 * @returns {string[]}
 */
export function wrongParameters(args, configuration = 'serverless.yml') {
  const { stage, params: given } = readArguments(args)
  const params = /** @type {Record<string, Record<string, unknown>>} */ (readYaml(configuration).params ?? {})
  const values = { ...params.default, ...params[stage] }
  const uses = usesOf(configuration)
  const missing = [...uses]
    .filter(([name, file]) => file !== undefined && !(name in values || given.has(name)))
    .map(
      ([name, file]) =>
        `${file}: \${param:${name}} is missing: expected it in params.default or params.${stage} of ${configuration}, or as --param ${name}=…`,
    )
  const wrong = [...given].flatMap(([name, value]) => {
    const expected = expectedLike(values[name], value)
    return expected === undefined ? [] : [`--param ${name}=${value}: expected ${expected}`]
  })
  return [...missing, ...wrong]
}

/**
 * What a value given on the command line, which is always a text, should have been, by the one that it replaces.
 *
 * @param {unknown} replaced
 * @param {string} value
 */
function expectedLike(replaced, value) {
  if (typeof replaced === 'boolean' && !['true', 'false'].includes(value)) return 'true or false'
  if (typeof replaced === 'number' && (value.trim() === '' || Number.isNaN(Number(value)))) return 'a number'
  return undefined
}

/** @param {string[]} args */
function readArguments(args) {
  const { values } = parseArgs({
    args,
    options: { stage: { type: 'string', short: 's' }, param: { type: 'string', multiple: true } },
    strict: false,
  })
  // One without a value is no text here, and refused by the framework.
  const texts = [values.param ?? []].flat().filter((param) => typeof param === 'string' && param.includes('='))
  const params = new Map(texts.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]))
  return { stage: String(values.stage ?? 'dev'), params }
}

/** @param {string} file */
function readYaml(file) {
  // CloudFormation's tags have no meaning here.
  return parse(readFileSync(file, 'utf8'), { logLevel: 'silent' }) ?? {}
}

/**
 * The parameters that a file and the files it names use, each with the file where it was first seen without a fallback.
 *
 * @param {string} file
 * @param {Map<string, string | undefined>} uses
 * @param {Set<string>} seen
 */
function usesOf(file, uses = new Map(), seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return uses
  seen.add(file)
  const text = readFileSync(file, 'utf8')
  for (const [, name, comma] of text.matchAll(/\$\{param:(\w+)(,?)/g)) {
    if (uses.get(name) === undefined) uses.set(name, comma === '' ? file : undefined)
  }
  for (const [, named] of text.matchAll(/\$\{file\(([^()]+)\)/g)) usesOf(named.trim().replace(/^\.\//, ''), uses, seen)
  return uses
}
