import { stringify } from 'yaml'

/** A service in the manner of one that is public, as small as shows what is special about it. */
export interface Shape {
  readonly files: Readonly<Record<string, string>>
  /** What the one warning says; none where the functions fit. */
  readonly warning?: readonly string[]
  /** What a function's variables are, where pg-thaw sets any but the preload. */
  readonly variables?: readonly string[]
}

const provider = { name: 'aws', runtime: 'nodejs22.x' }
const code = { 'api.js': 'exports.handler = async () => {}\n' }
const api = { handler: 'api.handler', reservedConcurrency: 20 }
const instance = (DBInstanceClass: unknown, more: object = {}) => ({
  Type: 'AWS::RDS::DBInstance',
  Properties: { Engine: 'postgres', DBInstanceClass, AllocatedStorage: 20, ...more },
})

/** A service in YAML. */
function yaml(service: object, more: Readonly<Record<string, string>> = {}): Shape['files'] {
  const plugins = ['./dist/serverless/index.js']
  return { 'serverless.yml': stringify({ service: 'shape', plugins, provider, ...service }), ...code, ...more }
}

/** Each by what is special about it. */
export const shapes: Readonly<Record<string, Shape>> = {
  'parameters with defaults, and a class for each stage': {
    files: yaml({
      custom: { pgThaw: { max: 2 } },
      functions: { api },
      resources: {
        Parameters: { Stage: { Type: 'String', Default: 'dev', AllowedValues: ['dev', 'prod'] } },
        Mappings: { Classes: { dev: { class: 'db.t4g.micro' }, prod: { class: 'db.r6g.large' } } },
        Resources: { Database: instance({ 'Fn::FindInMap': ['Classes', { Ref: 'Stage' }, 'class'] }) },
      },
    }),
    variables: ['PG_THAW_MAX'],
  },

  'conditions: a database of its own in production, a shared one elsewhere': {
    files: yaml({
      custom: { pgThaw: { max: 1 } },
      functions: { api },
      resources: {
        Parameters: { Stage: { Type: 'String', Default: 'dev' } },
        Conditions: { IsProd: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] } },
        Resources: {
          Cluster: { Type: 'AWS::RDS::DBCluster', Condition: 'IsProd', Properties: { Engine: 'aurora-postgresql' } },
          Writer: { ...instance('db.r6g.large', { DBClusterIdentifier: { Ref: 'Cluster' } }), Condition: 'IsProd' },
          Small: instance({ 'Fn::If': ['IsProd', { Ref: 'AWS::NoValue' }, 'db.t4g.micro'] }),
        },
      },
    }),
    variables: ['PG_THAW_MAX'],
  },

  'a configuration in TypeScript': {
    files: {
      ...code,
      'functions.ts': `export const functions = { api: { handler: 'api.handler', reservedConcurrency: 5, events: [] } }\n`,
      'serverless.ts': `import { functions } from './functions'
const stage: string = 'dev'
const configuration = {
  service: 'shape',
  plugins: ['./dist/serverless/index.js'],
  provider: { name: 'aws', runtime: 'nodejs22.x', environment: { STAGE: stage } },
  custom: { pgThaw: { max: 1, maxConnections: 100 } },
  functions,
}
module.exports = configuration
`,
    },
    variables: ['STAGE', 'PG_THAW_MAX'],
  },

  'a database elsewhere, whose address is in a parameter store, and nothing but the plugin': {
    files: yaml({
      provider: { ...provider, environment: { DATABASE_URL: '{{resolve:ssm:/shape/database-url}}' } },
      functions: { api: { handler: 'api.handler' }, worker: { handler: 'api.handler' } },
    }),
    warning: ['serverless.yml: custom.pgThaw.maxConnections is missing: expected what the database allows'],
    variables: ['DATABASE_URL'],
  },

  'a parameter whose value is kept in the parameter store': {
    files: yaml({
      custom: { pgThaw: { max: 1 } },
      functions: { api },
      resources: {
        Parameters: { Class: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/shape/class' } },
        Resources: { Database: instance({ Ref: 'Class' }) },
      },
    }),
    warning: [
      'serverless.yml: Resources.Database.Properties.DBInstanceClass refers to Class, which has no value before the deployment: expected a known instance class such as db.r6g.large (or set custom.pgThaw.maxConnections)',
    ],
    variables: ['PG_THAW_MAX'],
  },

  'values that another stack exports': {
    files: yaml({
      custom: { pgThaw: { max: 1 } },
      provider: {
        ...provider,
        environment: { PGHOST: { 'Fn::ImportValue': 'shared-host' } },
        vpc: {
          securityGroupIds: [{ 'Fn::ImportValue': 'shared-group' }],
          subnetIds: [{ 'Fn::ImportValue': 'subnet' }],
        },
      },
      functions: { api },
      resources: {
        Resources: {
          Reader: instance('db.serverless', { DBClusterIdentifier: { 'Fn::ImportValue': 'shared-cluster' } }),
        },
      },
    }),
    warning: ['serverless.yml: custom.pgThaw.maxConnections is missing: expected what the database allows'],
    variables: ['PGHOST', 'PG_THAW_MAX'],
  },

  'several databases, of which one is no PostgreSQL': {
    files: yaml({
      custom: { pgThaw: { max: 1 } },
      functions: { api },
      resources: {
        Resources: {
          Orders: instance('db.t4g.medium'),
          Reports: instance('db.t4g.large'),
          Legacy: instance('db.t3.medium', { Engine: 'mysql' }),
        },
      },
    }),
    warning: [
      'serverless.yml: custom.pgThaw.database is missing: expected one of Orders, Reports: the service has several',
    ],
    variables: ['PG_THAW_MAX'],
  },

  'provisioned concurrency, and no bound': {
    files: yaml({
      functions: { api: { handler: 'api.handler', provisionedConcurrency: 3 } },
      resources: { Resources: { Database: instance('db.t4g.micro') } },
    }),
    warning: ['10010 of 75', 'max: 1', 'reservedConcurrency: 65'],
  },

  'function URLs, layers, and a variable of the pool by hand': {
    files: yaml({
      provider: { ...provider, layers: ['arn:aws:lambda:us-east-1:123456789012:layer:shared:3'] },
      custom: { pgThaw: { maxConnections: 100 } },
      functions: { api: { ...api, url: { cors: true }, environment: { PG_THAW_MAX: 2 } } },
    }),
    variables: ['PG_THAW_MAX'],
  },

  'functions and resources in files of their own, by stage': {
    files: yaml(
      {
        params: { default: { concurrency: 10 }, prod: { concurrency: 50 } },
        custom: { pgThaw: `\${file(./stages/\${sls:stage}.yml)}` },
        functions: [`\${file(./functions/api.yml)}`, `\${file(./functions/jobs.yml)}`],
        resources: [`\${file(./resources/database.yml)}`],
      },
      {
        'stages/dev.yml': 'max: 1\n',
        'functions/api.yml': `api: { handler: api.handler, reservedConcurrency: "\${param:concurrency}" }\n`,
        'functions/jobs.yml': 'jobs: { handler: api.handler, reservedConcurrency: 2, timeout: 60 }\n',
        'resources/database.yml': stringify({ Resources: { Database: instance('db.t4g.micro') } }),
      },
    ),
    variables: ['PG_THAW_MAX'],
  },

  'a function that warms the others up, of another plugin': {
    files: yaml(
      {
        plugins: ['./dist/serverless/index.js', './warm-up.js'],
        custom: { pgThaw: { max: 1, maxConnections: 31 } },
        functions: { api },
      },
      {
        'warm-up.js': `module.exports = class WarmUp {
          constructor(serverless) {
            this.hooks = {
              'after:package:initialize': () => {
                serverless.service.functions.warmUp = {
                  handler: 'api.handler', name: 'shape-warm-up', package: {}, events: [{ schedule: 'rate(5 minutes)' }],
                }
              },
            }
          }
        }\n`,
      },
    ),
    variables: ['PG_THAW_MAX'],
  },

  'a concurrency that is decided at the deployment': {
    files: yaml({
      custom: { pgThaw: { max: 1, maxConnections: 100 } },
      functions: { api: { handler: 'api.handler' } },
      resources: {
        Parameters: { Concurrency: { Type: 'Number' } },
        extensions: { ApiLambdaFunction: { Properties: { ReservedConcurrentExecutions: { Ref: 'Concurrency' } } } },
      },
    }),
    warning: [
      'serverless.yml: functions.api.reservedConcurrency refers to Concurrency, which has no value before the deployment: expected an integer of 0 or more',
    ],
    variables: ['PG_THAW_MAX'],
  },
}
