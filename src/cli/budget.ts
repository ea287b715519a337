import {
  asked,
  BudgetError,
  type Deployed,
  deploymentOf,
  drawUpBudget,
  type Flagged,
  Problems,
  readContent,
  readDeployed,
  report,
  type StatedFunction,
  summaryOf,
  withStated,
} from '../budget/index.js'
import { type Command, inJson, UsageError } from './command.js'
import { readArguments } from './options.js'

const HELP = `pg-thaw budget [FILE] [options]

Adds up the sessions that the functions of a deployment may open at once, environments × workers × pools × max, and says whether the database
has as many; and if it has not, what to change.

  FILE                     a template of CloudFormation or SAM; cdk.out, the directory; of Terraform or OpenTofu the output of
                           terraform show -json PLAN; pulumi preview --json --show-sames, or pulumi stack export; sst state export.
                           - for standard input. None for functions that are given by --function alone
  --max [NAME=]N           the pools' max, of all functions or of one. Default: PG_THAW_MAX of the function's environment, or the pool's own, 10
  --min [NAME=]N           connections kept through a freeze. Default: PG_THAW_MIN, or 1
  --target [NAME=]TARGET   direct, rds-proxy, pgbouncer or dsql. Default: PG_THAW_TARGET, or direct
  --pools [NAME=]N         pools in an environment. Default: 1
  --workers [NAME=]N       workers in an environment of Managed Instances
  --only NAME,…            the functions that open sessions; or
  --except NAME,…          those that open none
  --function NAME[=N]      a function that is not in the file, with its reserved concurrency, N; or one whose N is known there only later
  --max-connections N      what the database allows, where the file does not say it
  --database ID            the one that is meant, of several
  --reserve N              sessions kept for people and tools. Default: 10
  --account-concurrency N  environments that the account may have. Default: 1000
  --proxy-sessions N       what PgBouncer or a proxy may open at the database
  --proxy-clients N        clients that it takes
  --param NAME=VALUE       a parameter of the template
  --stack NAME,…           the stacks of a cdk.out that count, such as 'Prod/*'. Default: all
  --json                   for programs
  --help

Most may be repeated. Exit status: 0 the functions fit, 1 they do not, 2 what was typed or the file can't be, or something is missing.`

const text = { type: 'string' } as const
const texts = { type: 'string', multiple: true, default: [] as string[] } as const

const OPTIONS = {
  max: texts,
  min: texts,
  target: texts,
  pools: texts,
  workers: texts,
  only: texts,
  except: texts,
  function: texts,
  param: texts,
  stack: texts,
  'max-connections': text,
  database: text,
  reserve: text,
  'account-concurrency': text,
  'proxy-sessions': text,
  'proxy-clients': text,
  json: { type: 'boolean', default: false },
} as const

const STANDARD_INPUT = 'standard input'

/** `pg-thaw budget`. */
export const command: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = readArguments(args, OPTIONS)
    const [file] = positionals
    const stated = values.function.map(statedIn)
    if (positionals.length > 1) throw new UsageError(`Expected one file, got ${positionals.length}`)
    if (file === '' || (file === undefined && stated.length === 0)) {
      throw new UsageError('Expected a file, or functions: --function NAME=N')
    }
    const twice = stated.find(({ name }, index) => stated.findIndex((it) => it.name === name) < index)
    if (twice !== undefined) throw new UsageError(`Expected --function ${twice.name} once, got it again`)
    if (values.only.length > 0 && values.except.length > 0) {
      throw new UsageError('Expected --only or --except, got both')
    }
    const flags = {
      ...values,
      stated,
      maxConnections: values['max-connections'],
      database: values.database,
      reserve: values.reserve,
      accountConcurrency: values['account-concurrency'],
      proxySessions: values['proxy-sessions'],
      proxyClients: values['proxy-clients'],
    }
    try {
      const stacks = values.stack.flatMap((it) => it.split(','))
      const deployed = withStated(stated, file === undefined ? undefined : await read(file, stacks))
      if (deployed.functions.length === 0) {
        throw withoutFunctions(file === '-' ? STANDARD_INPUT : String(file), deployed.unread)
      }
      const problems = new Problems()
      const flagged = deploymentOf(flags, deployed, problems)
      const budget = drawUpBudget(flagged.deployment, problems)
      const shown = values.json
        ? inJson(summaryOf(budget, flagged))
        : `${[report(budget, flagged.deployment), ...notesOn(flagged)].join('\n\n')}\n`
      process.stdout.write(shown)
      return budget.fits ? 0 : 1
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error
      if (values.json) process.stdout.write(inJson({ fits: null, questions: error.problems }))
      else process.stderr.write(`${error.message}\n`)
      return 2
    }
  },
}

/** What is not in the sum. */
function notesOn({ leftOut, unread, idle }: Flagged): string[] {
  const notes: string[] = []
  if (idle.length > 0) notes.push(`Without effect, as each function says its own: ${idle.join(', ')}.`)
  if (leftOut.length > 0) notes.push(`Left out, as they are the tool's own: ${leftOut.join(', ')}.`)
  if (unread.length > 0) notes.push(`${notCounted(unread)}.`)
  return notes
}

function notCounted(unread: readonly string[]): string {
  return `Not counted, as what is in them is not written out here: ${unread.join(', ')}. Name their functions with --function NAME=N`
}

function withoutFunctions(file: string, unread: readonly string[]): BudgetError {
  const why = unread.length > 0 ? `. ${notCounted(unread)}` : ''
  return asked(`${file}: expected functions in it, or --function NAME=N, got none${why}`)
}

async function read(file: string, stacks: readonly string[]): Promise<Deployed> {
  if (file !== '-') return readDeployed(file, stacks)
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part)
  return readContent(STANDARD_INPUT, Buffer.concat(parts), stacks)
}

function statedIn(typed: string): StatedFunction {
  const [, name, count] = /^([^=]+)(?:=(\d{1,9}))?$/.exec(typed) ?? []
  if (name === undefined) throw new UsageError(`Expected --function to be NAME or NAME=N, got ${typed}`)
  return { name, reservedConcurrency: count === undefined ? undefined : Number(count) }
}
