// Says which `${param:…}` of a service has no value, before anything else is done: the framework says so too, but only once it is at
// work, and not in which file.
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'

/**
 * One line for each parameter without a value.
 *
 * @param {string[]} args the arguments of the framework's command.
 * @param {string} configuration
 * @returns {string[]}
 */
export function missingParameters(args, configuration = 'serverless.yml') {
  const { stage, params: given } = readArguments(args)
  const params = /** @type {Record<string, Record<string, unknown>>} */ (readYaml(configuration).params ?? {})
  const known = new Set([...given, ...Object.keys(params.default ?? {}), ...Object.keys(params[stage] ?? {})])
  return [...usesOf(configuration)]
    .filter(([name]) => !known.has(name))
    .map(
      ([name, file]) =>
        `${file}: \${param:${name}} is missing: expected it in params.default or params.${stage} of ${configuration}, or as --param ${name}=…`,
    )
}

/** @param {string[]} args */
function readArguments(args) {
  const { values } = parseArgs({
    args,
    options: { stage: { type: 'string', short: 's' }, param: { type: 'string', multiple: true } },
    strict: false,
  })
  const params = /** @type {string[]} */ (values.param ?? []).map((param) => param.split('=')[0])
  return { stage: String(values.stage ?? 'dev'), params }
}

/** @param {string} file */
function readYaml(file) {
  // CloudFormation's tags have no meaning here.
  return parse(readFileSync(file, 'utf8'), { logLevel: 'silent' }) ?? {}
}

/**
 * The parameters that a file and the files it names use without a fallback, each with the file where it was seen first.
 *
 * @param {string} file
 * @param {Map<string, string>} uses
 * @param {Set<string>} seen
 */
function usesOf(file, uses = new Map(), seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return uses
  seen.add(file)
  const text = readFileSync(file, 'utf8')
  for (const [, name] of text.matchAll(/\$\{param:(\w+)\}/g)) if (!uses.has(name)) uses.set(name, file)
  for (const [, named] of text.matchAll(/\$\{file\(([^()]+)\)/g)) usesOf(named.trim().replace(/^\.\//, ''), uses, seen)
  return uses
}
