import { describe, expect, it } from 'vitest'
import type { BudgetError } from '../../src/budget'
import { aurora, budgetOf, instance } from './support/budget-of'

const functions = { api: { reservedConcurrency: 10 } }
const enough = { max: 2, maxConnections: 100 }

/** A function on Managed Instances. */
const managed = (properties: object, workers?: number): Parameters<typeof budgetOf>[0] => ({
  pgThaw: { ...enough, ...(workers !== undefined && { functions: { api: { workers } } }) },
  functions: { api: {} },
  extensions: {
    apiLambdaFunction: {
      Properties: {
        CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig: { CapacityProviderArn: 'arn' } },
        FunctionScalingConfig: { MaxExecutionEnvironments: 3 },
        ...properties,
      },
    },
  },
})
const workerCount = (count: unknown) => ({ Environment: { Variables: { AWS_LAMBDA_NODEJS_WORKER_COUNT: count } } })

/** Each as the plugin gets it, with the one line that it answers. */
const cases: Record<string, [Parameters<typeof budgetOf>[0], string]> = {
  'a max that is decided elsewhere': [
    { pgThaw: { maxConnections: 100, functions: { api: { max: { Ref: 'Max' } } } }, functions },
    'serverless.yml: custom.pgThaw.functions.api.max: expected an integer of 0 or more, got {"Ref":"Max"} (object)',
  ],
  'a max that is null, as of a parameter that is missing': [
    { pgThaw: { max: null, maxConnections: 100 }, functions },
    'serverless.yml: custom.pgThaw.max is missing: expected an integer of 0 or more',
  ],
  'a key that is mistyped': [
    { pgThaw: { ...enough, maxConections: 5 }, functions },
    'serverless.yml: custom.pgThaw: expected one of the keys max, min, target, pools, workers, goodbye, wrap, budget, maxConnections, database, reserve, accountConcurrency, proxy, functions, got "maxConections" (string)',
  ],
  'a function that is not there': [
    { pgThaw: { ...enough, functions: { apo: { max: 1 } } }, functions },
    'serverless.yml: custom.pgThaw.functions: expected one of the keys api, got "apo" (string)',
  ],
  'a target that does not exist': [
    { pgThaw: { ...enough, target: 'proxy' }, functions },
    'serverless.yml: custom.pgThaw.target: expected one of direct, rds-proxy, pgbouncer, dsql, got "proxy" (string)',
  ],
  'more kept than there may be': [
    { pgThaw: { ...enough, functions: { api: { min: 3 } } }, functions },
    'serverless.yml: custom.pgThaw.functions.api.min: expected at most `max` (2), got 3 (number)',
  ],
  'more kept by all than there may be': [
    { pgThaw: { ...enough, min: 3 }, functions },
    'serverless.yml: custom.pgThaw.min: expected at most `max` (2), got 3 (number)',
  ],
  'more kept than the pool’s own max': [
    { pgThaw: { maxConnections: 100, min: 11 }, functions },
    'serverless.yml: custom.pgThaw.functions.api.min: expected at most `max` (10), got 11 (number)',
  ],
  'a concurrency below nothing': [
    { pgThaw: enough, functions: { api: { reservedConcurrency: -1 } } },
    'serverless.yml: functions.api.reservedConcurrency: expected an integer of 0 or more, got -1 (number)',
  ],
  'a concurrency that only CloudFormation knows': [
    { pgThaw: enough, functions: { api: { reservedConcurrency: { Ref: 'Concurrency' } } } },
    'serverless.yml: functions.api.reservedConcurrency refers to Concurrency, which has no value before the deployment: expected an integer of 0 or more (or set custom.pgThaw.functions.api.environments)',
  ],
  'more provisioned than reserved': [
    { pgThaw: enough, functions: { api: { reservedConcurrency: 10, provisionedConcurrency: 20 } } },
    'serverless.yml: functions.api.provisionedConcurrency: expected at most its reserved concurrency (10), got 20 (number)',
  ],
  'more reserved than Lambda lets anybody': [
    { pgThaw: { ...enough, accountConcurrency: 1000 }, functions: { api: { reservedConcurrency: 901 } } },
    "serverless.yml: functions.api.reservedConcurrency: expected at most 900 in all, as Lambda keeps 100 of the account's 1000 (custom.pgThaw.accountConcurrency) unreserved, got 901 (number)",
  ],
  'more reserved than Lambda lets anybody by default': [
    { pgThaw: enough, functions: { api: { reservedConcurrency: 901 } } },
    "serverless.yml: custom.pgThaw.accountConcurrency is missing: expected your account's limit of concurrent executions, as 901 are reserved, and Lambda's default is 1000, of which it keeps 100 unreserved",
  ],
  'a max in a variable that is no number': [
    { pgThaw: { maxConnections: 100 }, functions: { api: { environment: { PG_THAW_MAX: 'lots' } } } },
    'serverless.yml: Resources.apiLambdaFunction.Properties.Environment.Variables.PG_THAW_MAX: expected an integer of 1 or more, got "lots" (string)',
  ],
  'a max in a variable that only CloudFormation knows': [
    { pgThaw: { maxConnections: 100 }, functions: { api: { environment: { PG_THAW_MAX: { Ref: 'Max' } } } } },
    'serverless.yml: custom.pgThaw.functions.api.max is missing: expected an integer of 1 or more, as Resources.apiLambdaFunction.Properties.Environment.Variables.PG_THAW_MAX refers to Max, which has no value before the deployment',
  ],
  'Managed Instances without an end': [
    managed({ FunctionScalingConfig: undefined }),
    'serverless.yml: Resources.apiLambdaFunction.Properties.FunctionScalingConfig.MaxExecutionEnvironments is missing: expected a number, as nothing else bounds Managed Instances',
  ],
  'Managed Instances whose end only CloudFormation knows': [
    managed({ FunctionScalingConfig: { MaxExecutionEnvironments: { Ref: 'Most' } } }),
    'serverless.yml: Resources.apiLambdaFunction.Properties.FunctionScalingConfig.MaxExecutionEnvironments refers to Most, which has no value before the deployment: expected a number, as nothing else bounds Managed Instances (or set custom.pgThaw.functions.api.environments)',
  ],
  'workers whose number follows from a memory that only CloudFormation knows': [
    managed({ MemorySize: { Ref: 'Memory' } }),
    'serverless.yml: custom.pgThaw.functions.api.workers is missing: expected the worker threads of an environment, as Resources.apiLambdaFunction.Properties.MemorySize, with ExecutionEnvironmentMemoryGiBPerVCpu, does not say how many there are',
  ],
  'workers whose number only CloudFormation knows': [
    managed(workerCount({ Ref: 'Workers' })),
    'serverless.yml: custom.pgThaw.functions.api.workers is missing: expected the worker threads of an environment, as AWS_LAMBDA_NODEJS_WORKER_COUNT does not say how many there are',
  ],
  'workers whose number is none': [
    managed(workerCount('many')),
    'serverless.yml: Resources.apiLambdaFunction.Properties.Environment.Variables.AWS_LAMBDA_NODEJS_WORKER_COUNT: expected an integer of 1 or more, got "many" (string)',
  ],
  'two numbers of workers': [
    managed(workerCount('4'), 2),
    'serverless.yml: custom.pgThaw.functions.api.workers: expected none, or the 4 of AWS_LAMBDA_NODEJS_WORKER_COUNT, got 2 (number)',
  ],
  'no database in the service, and no figure of one elsewhere': [
    { pgThaw: { max: 2 }, functions },
    'serverless.yml: custom.pgThaw.maxConnections is missing: expected what the database allows (SHOW max_connections), as no AWS::RDS::DBCluster or AWS::RDS::DBInstance of PostgreSQL in the service says it; the functions could open 20',
  ],
  'several databases': [
    { pgThaw: { max: 2 }, functions, resources: { ...aurora(1, 2), ...instance('db.r6g.large') } },
    'serverless.yml: custom.pgThaw.database is missing: expected one of Cluster, Database: the service has several',
  ],
  'a database that is not there': [
    { pgThaw: { max: 2, database: 'Other' }, functions, resources: aurora(1, 2) },
    'serverless.yml: custom.pgThaw.database: expected one of Cluster, got "Other" (string)',
  ],
  'an instance class that nobody knows': [
    { pgThaw: { max: 2 }, functions, resources: instance('db.q9.large') },
    'Database.yml: Resources.Database.Properties.DBInstanceClass: expected a known instance class such as db.r6g.large (or set custom.pgThaw.maxConnections), got "db.q9.large" (string)',
  ],
  'an instance class that only CloudFormation knows': [
    { pgThaw: { max: 2 }, functions, resources: instance({ Ref: 'Class' }) },
    'Database.yml: Resources.Database.Properties.DBInstanceClass refers to Class, which has no value before the deployment: expected a known instance class such as db.r6g.large (or set custom.pgThaw.maxConnections)',
  ],
  'a capacity that is missing': [
    { pgThaw: { max: 2 }, functions, resources: aurora(1, null) },
    'Cluster.yml: Resources.Cluster.Properties.ServerlessV2ScalingConfiguration.MaxCapacity is missing: expected a number of ACUs (or set custom.pgThaw.maxConnections)',
  ],
  'a capacity that can not be': [
    { pgThaw: { max: 2 }, functions, resources: aurora(4, 2) },
    'Cluster.yml: Resources.Cluster.Properties.ServerlessV2ScalingConfiguration.MaxCapacity: expected half ACUs, at least 1, at least MinCapacity (4), at most 256, got 2 (number)',
  ],
  'a parameter group with a formula of its own': [
    {
      pgThaw: { max: 2 },
      functions,
      resources: {
        ...instance('db.r6g.large', { DBParameterGroupName: { Ref: 'Group' } }),
        Group: { Type: 'AWS::RDS::DBParameterGroup', Properties: { Parameters: { max_connections: 'GREATEST(1,2)' } } },
      },
    },
    'Group.yml: Resources.Group.Properties.Parameters.max_connections: expected a number (or set custom.pgThaw.maxConnections), got "GREATEST(1,2)" (string)',
  ],
  'a database of another make': [
    { pgThaw: { max: 2 }, functions, resources: instance('db.r6g.large', { Engine: 'mysql' }) },
    'serverless.yml: custom.pgThaw.maxConnections is missing: expected what the database allows (SHOW max_connections), as no AWS::RDS::DBCluster or AWS::RDS::DBInstance of PostgreSQL in the service says it; the functions could open 20',
  ],
  'a proxy’s share that can not be': [
    {
      pgThaw: { max: 2, target: 'rds-proxy' },
      functions,
      resources: {
        ...aurora(1, 2),
        Targets: {
          Type: 'AWS::RDS::DBProxyTargetGroup',
          Properties: { ConnectionPoolConfigurationInfo: { MaxConnectionsPercent: 120 } },
        },
      },
    },
    'Targets.yml: Resources.Targets.Properties.ConnectionPoolConfigurationInfo.MaxConnectionsPercent: expected an integer from 1 to 100, got 120 (number)',
  ],
}

describe('bad input is refused in one line that names the file and the key:', () => {
  it.each(Object.entries(cases))('%s', (_, [parts, message]) => {
    let refusal: unknown
    try {
      budgetOf(parts)
    } catch (error) {
      refusal = error
    }
    expect(refusal).toMatchObject({ code: 'PG_THAW_CONFIGURATION', message })
    expect(message).not.toContain('\n')
  })
})

describe('all of it is said in one run', () => {
  const refusalOf = (parts: Parameters<typeof budgetOf>[0]) => {
    try {
      budgetOf(parts)
    } catch (error) {
      return error as BudgetError
    }
    throw new Error('it was drawn up')
  }

  it('a line each, and once, with what is missing told apart from what is wrong', () => {
    const { message, problems } = refusalOf({
      pgThaw: { max: 'lots', reserve: -1, target: 'pgbouncer', functions: { queue: { workers: 0 } } },
      functions: {
        api: { reservedConcurrency: { 'Fn::ImportValue': 'concurrency' } },
        queue: { reservedConcurrency: -1 },
      },
    })
    expect(message.split('\n')).toEqual(problems.map((problem) => problem.message))
    expect(problems.map(({ kind, message }) => `${kind} ${/custom[.\w]*|functions[.\w]*/.exec(message)}`)).toEqual([
      'wrong custom.pgThaw.max',
      'wrong custom.pgThaw.functions.queue.workers',
      'wrong custom.pgThaw.reserve',
      'missing functions.api.reservedConcurrency',
      'wrong functions.queue.reservedConcurrency',
      'missing custom.pgThaw.maxConnections',
      'missing custom.pgThaw.proxy.sessions',
    ])
  })

  it('and nothing of what is in no sum, as provisioned concurrency is', () => {
    const api = { reservedConcurrency: 5, provisionedConcurrency: { 'Fn::ImportValue': 'ready' } }
    expect(budgetOf({ pgThaw: { max: 2, maxConnections: 100 }, functions: { api } }).direct).toBe(10)
  })

  it('and it is no more than a question which database is meant, as one with a false condition is not there', () => {
    const { problems } = refusalOf({ pgThaw: { database: 'Other' }, functions: { api: {} }, resources: aurora(1, 2) })
    expect(problems.map(({ kind }) => kind)).toEqual(['missing'])
  })

  it('and how many sessions there could be only where all functions are known', () => {
    const functions = { api: { reservedConcurrency: 5 }, queue: { reservedConcurrency: { Ref: 'Many' } } }
    expect(refusalOf({ pgThaw: { max: 2 }, functions }).message).not.toContain('could open')
    const answered = { ...functions, queue: { reservedConcurrency: 7 } }
    expect(refusalOf({ pgThaw: { max: 2 }, functions: answered }).message).toContain('the functions could open 24')
  })

  it('and nothing of a concurrency that the settings say, in place of one that only CloudFormation knows', () => {
    const pgThaw = { max: 2, maxConnections: 100, functions: { api: { environments: 20 } } }
    const api = { reservedConcurrency: { 'Fn::ImportValue': 'concurrency' } }
    expect(budgetOf({ pgThaw, functions: { api } })).toMatchObject({ direct: 40, fits: true })
    const FunctionScalingConfig = { MaxExecutionEnvironments: { Ref: 'Most' } }
    const Properties = { CapacityProviderConfig: { Some: 'provider' }, FunctionScalingConfig }
    const extensions = { apiLambdaFunction: { Properties } }
    const managed = { ...pgThaw, functions: { api: { environments: 3, workers: 4 } } }
    expect(budgetOf({ pgThaw: managed, functions: { api: {} }, extensions })).toMatchObject({ direct: 24 })
  })

  it.each([
    [{}, 'none, as it has none in the file: reserve it there'],
    [{ reservedConcurrency: 5 }, 'none, or the 5 of the file'],
  ])('and a figure beside what is known is refused: %j', (api, expected) => {
    const pgThaw = { max: 2, maxConnections: 100, functions: { api: { environments: 20 } } }
    expect(refusalOf({ pgThaw, functions: { api } }).message).toBe(
      `serverless.yml: custom.pgThaw.functions.api.environments: expected ${expected}, got 20 (number)`,
    )
  })

  it('and nothing of a function without a pool', () => {
    const reservedConcurrency = { 'Fn::ImportValue': 'concurrency' }
    const parts = { pgThaw: { max: 0, maxConnections: 100 }, functions: { api: { reservedConcurrency } } }
    expect(budgetOf(parts)).toMatchObject({ direct: 0, fits: true })
  })
})
