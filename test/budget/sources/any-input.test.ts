import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BudgetError,
  deploymentOf,
  drawUpBudget,
  type Flags,
  Problems,
  report,
  summaryOf,
} from '../../../src/budget/index'
import { readCdk } from '../../../src/budget/sources/cdk/cdk'
import { type Deployed, readContent } from '../../../src/budget/sources/index'
import { parse } from '../../../src/budget/sources/parse'

const FLAGS: Flags = {
  max: [],
  min: [],
  target: [],
  pools: [],
  workers: [],
  only: [],
  except: [],
  stated: [],
  param: [],
  maxConnections: undefined,
  database: undefined,
  reserve: undefined,
  accountConcurrency: undefined,
  proxySessions: undefined,
  proxyClients: undefined,
}

/** Words that readers look for, so that what is random has their forms now and then. */
const WORDS = [
  ...['Resources', 'Parameters', 'Conditions', 'Mappings', 'Outputs', 'Globals', 'Function', 'Transform', 'Type'],
  ...['Properties', 'Condition', 'Metadata', 'Ref', 'Fn::GetAtt', 'Fn::If', 'Fn::Sub', 'Fn::ImportValue', 'Fn::Join'],
  ...['Environment', 'Variables', 'PG_THAW_MAX', 'ReservedConcurrentExecutions', 'DBClusterIdentifier'],
  ...['ServerlessV2ScalingConfiguration', 'MaxCapacity', 'MinCapacity', 'aws:asset:path', 'Export', 'Name', 'Value'],
  ...[
    'format_version',
    'planned_values',
    'values',
    'root_module',
    'child_modules',
    'resources',
    'address',
    'type',
    'name',
  ],
  ...[
    'configuration',
    'module_calls',
    'module',
    'expressions',
    'references',
    'resource_changes',
    'after_unknown',
    'change',
  ],
  ...['steps', 'newState', 'urn', 'custom', 'inputs', 'outputs', 'deployment', 'propertyDependencies', 'environment'],
  ...[
    'artifacts',
    'version',
    'properties',
    'templateFile',
    'directoryName',
    'metadata',
    '__proto__',
    'constructor',
    'toString',
  ],
]
const VALUES = [
  ...['AWS::Lambda::Function', 'AWS::Serverless::Function', 'AWS::Serverless-2016-10-31', 'AWS::RDS::DBCluster'],
  ...[
    'AWS::RDS::DBInstance',
    'AWS::Lambda::Alias',
    'AWS::CloudFormation::Stack',
    'aws_lambda_function',
    'aws_rds_cluster',
  ],
  ...['aws:lambda/function:Function', 'aws:rds/cluster:Cluster', 'urn:pulumi:a::b::aws:rds/cluster:Cluster::c'],
  ...['module.a', 'module.a.aws_rds_cluster.b', 'aws_rds_cluster.b', 'var.a', 'module.a.b', 'db.serverless', '1.0'],
  ...['aws:cloudformation:stack', 'cdk:cloud-assembly', 'a.template.json', `\${A.B}`, 'A', '5'],
]

const { value } = fc.letrec<{ value: unknown; map: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 7, depthSize: 'large' },
    fc.constantFrom(...VALUES),
    fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.string({ maxLength: 5 })),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('map'),
  ),
  map: fc
    .array(
      fc.tuple(
        fc.oneof(
          { arbitrary: fc.constantFrom(...WORDS), weight: 5 },
          { arbitrary: fc.constantFrom('A', 'B', 'a'), weight: 3 },
        ),
        tie('value'),
      ),
      { maxLength: 6 },
    )
    .map((entries) => Object.fromEntries(entries)),
}))

/** Something of the form that a reader takes, with what is random inside. */
const anyFile = fc.oneof(
  value,
  value.map((it) => ({
    Transform: 'AWS::Serverless-2016-10-31',
    Globals: it,
    Resources: { A: { Type: 'AWS::Serverless::Function', Properties: it } },
  })),
  fc.dictionary(fc.constantFrom('A', 'B', '__proto__'), value).map((Resources) => ({
    Resources: { ...Resources, F: { Type: 'AWS::Lambda::Function' } },
    Conditions: Resources,
  })),
  fc.tuple(value, value).map(([root_module, configuration]) => ({
    format_version: '1.2',
    planned_values: { root_module },
    configuration: { root_module: configuration },
  })),
  fc.array(value).map((all) => ({
    steps: all.map((inputs) => ({
      newState: {
        urn: 'urn:pulumi:a::b::aws:lambda/function:Function::c',
        type: 'aws:lambda/function:Function',
        custom: true,
        inputs,
      },
    })),
  })),
)

/** What comes of it: a text of some kind, or a refusal. */
function outcomeOf(read: () => Deployed): string {
  const problems = new Problems()
  try {
    const flagged = deploymentOf(FLAGS, read(), problems)
    const budget = drawUpBudget(flagged.deployment, problems)
    return `${report(budget, flagged.deployment)}${JSON.stringify(summaryOf(budget, flagged))}`
  } catch (error) {
    if (error instanceof BudgetError) return error.message
    throw error
  }
}

describe('whatever stands in a file', () => {
  it('ends with a budget, or with the error that is documented', () => {
    fc.assert(
      fc.property(anyFile, (content) => {
        const bytes = Buffer.from(JSON.stringify(content) ?? '')
        expect(outcomeOf(() => readContent('given', bytes))).not.toBe('')
      }),
      { numRuns: 1000 },
    )
  })

  it('does so as text, too', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]:,-!&*|> \n"\'aRef') }), (text) => {
        expect(outcomeOf(() => readContent('given', Buffer.from(text)))).not.toBe('')
      }),
      { numRuns: 500 },
    )
  })

  it('does so in the files of a cdk.out', () => {
    const manifest = {
      artifacts: {
        A: { type: 'aws:cloudformation:stack', properties: { templateFile: 'a.template.json' } },
        B: { type: 'aws:cloudformation:stack', properties: { templateFile: 'b.template.json' } },
      },
    }
    fc.assert(
      fc.property(anyFile, anyFile, (one, other) => {
        const contentOf = (path: string) => (path.includes('manifest') ? manifest : path.includes('/a.') ? one : other)
        const read = (path: string) => Object(parse(path, Buffer.from(JSON.stringify(contentOf(path)) ?? 'null')))
        expect(outcomeOf(() => readCdk('cdk.out', read, []))).not.toBe('')
      }),
      { numRuns: 500 },
    )
  })
})
