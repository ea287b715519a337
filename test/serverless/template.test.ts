import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { drawUpBudget, Problems, readSettings, resourcesOf } from '../../src/budget'
import { SERVERLESS_WORDING } from '../../src/serverless/wording'
import { type CompiledTemplate, ofType, valuesOf } from './support/compiled-template'
import { checkReferences } from './support/references'
import { createExampleService, type Service } from './support/service'
import { checkProperties } from './support/specification'

// Each run of the framework is a process that loads for seconds.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

/** The stages, and the two sides of the one switch. */
const variants = {
  dev: ['--stage', 'dev'],
  prod: ['--stage', 'prod'],
  'prod behind a proxy': ['--stage', 'prod', '--param', 'proxy=true'],
} as const

type Variant = keyof typeof variants

const services: Service[] = []
const templates = {} as Record<Variant, CompiledTemplate>

async function compile(args: readonly string[], edits: readonly (readonly [string, string, string])[] = []) {
  const service = createExampleService()
  services.push(service)
  for (const edit of edits) service.edit(...edit)
  const { code, text } = await service.run('package', ...args)
  if (code !== 0) throw new Error(text)
  return service.template()
}

function check(template: CompiledTemplate): string[] {
  return [...checkProperties(template), ...checkReferences(template)]
}

beforeAll(async () => {
  const compiled = Object.entries(variants).map(async ([name, args]) => {
    templates[name as Variant] = await compile(args)
  })
  await Promise.all(compiled)
})
afterAll(() => {
  for (const service of services) service.dispose()
})

describe.each(Object.keys(variants) as Variant[])('the template of %s', (variant) => {
  it('holds what the specification of AWS allows, and no reference that leads nowhere', () => {
    expect(check(templates[variant])).toEqual([])
  })

  it('has a dashboard that CloudWatch can read', () => {
    const body = templates[variant].Resources.Dashboard?.Properties?.DashboardBody['Fn::Sub']
    const { widgets } = JSON.parse(body)
    expect(widgets).toHaveLength(8)
  })

  it('has nothing to look at, or to be woken for, that the functions do not write', () => {
    const { Resources } = templates[variant]
    const written = ofType(templates[variant], 'AWS::Lambda::Function').map(([, it]) => {
      return it.Properties?.Environment?.Variables?.METRICS_NAMESPACE
    })
    const { Namespace, MetricName } = Resources.LeftBehindAlarm?.Properties ?? {}
    expect(written).toContain(Namespace)
    expect(MetricName).toBe('Unfinished')
  })

  it('grants nothing on everything, where a name is known', () => {
    const grants = policiesOf(templates[variant]).filter(({ Effect }) => Effect === 'Allow')
    expect(grants.length).toBeGreaterThan(10)
    const wide = grants.filter(({ Action, Resource }) => [Action, Resource].flat().some(isWild))
    // Neither action knows a resource. AWS names its bucket for answers by region, in a spelling that no function gives.
    expect(wide.map(({ Action }) => Action)).toEqual(
      expect.arrayContaining(['secretsmanager:GetRandomPassword', 's3:PutObject', 'ec2:DescribeSubnets']),
    )
    expect(new Set(wide.map(({ Action }) => Action)).size).toBe(3)
    expect(grants.flatMap(({ Action }) => Action).filter(isWild)).toEqual([])
  })

  it('lets nobody from outside in', () => {
    const template = templates[variant]
    const types = new Set(Object.values(template.Resources).map(({ Type }) => Type))
    for (const type of ['AWS::EC2::InternetGateway', 'AWS::EC2::NatGateway', 'AWS::EC2::Route', 'AWS::Lambda::Url']) {
      expect(types).not.toContain(type)
    }
    for (const [, { Properties }] of ofType(template, 'AWS::EC2::SecurityGroupIngress')) {
      expect(Properties?.SourceSecurityGroupId).toBeDefined()
      expect(Properties?.CidrIp ?? Properties?.CidrIpv6).toBeUndefined()
    }
    for (const [, { Properties }] of ofType(template, 'AWS::EC2::SecurityGroup')) {
      expect(Properties?.SecurityGroupIngress).toBeUndefined()
      // Without a rule of its own a group may go anywhere.
      expect(Properties?.SecurityGroupEgress.length).toBeGreaterThan(0)
    }
    for (const [, { Properties }] of ofType(template, 'AWS::EC2::Subnet')) {
      expect(Properties?.MapPublicIpOnLaunch).toBe(false)
    }
    for (const [, { Properties }] of ofType(template, 'AWS::RDS::DBInstance')) {
      expect(Properties?.PubliclyAccessible).toBe(false)
    }
    for (const [, { Properties }] of ofType(template, 'AWS::ApiGatewayV2::Route')) {
      expect(Properties?.AuthorizationType).toBe('AWS_IAM')
    }
    const bucket = template.Resources.ServerlessDeploymentBucket?.Properties
    expect(Object.values(bucket?.PublicAccessBlockConfiguration)).toEqual([true, true, true, true])
  })

  it('encrypts what is stored, and what travels', () => {
    const template = templates[variant]
    expect(template.Resources.DatabaseCluster?.Properties?.StorageEncrypted).toBe(true)
    expect(template.Resources.DatabaseParameters?.Properties?.Parameters['rds.force_ssl']).toBe('1')
    for (const [, { Properties }] of ofType(template, 'AWS::RDS::DBProxy')) expect(Properties?.RequireTLS).toBe(true)
    for (const [, { Properties }] of ofType(template, 'AWS::SQS::Queue')) {
      expect(Properties?.SqsManagedSseEnabled).toBe(true)
    }
    expect(template.Resources.ServerlessDeploymentBucket?.Properties?.BucketEncryption).toBeDefined()
    for (const { PGSSLMODE } of environmentsOf(template)) expect(PGSSLMODE).toBe('verify-full')
  })

  it('has no secret in plain text, nor in an environment', () => {
    const template = templates[variant]
    for (const { path, value } of valuesOf(template.Resources)) {
      expect(path).not.toMatch(/\.(MasterUserPassword|Password|SecretString)$/)
      expect(typeof value === 'string' ? value : '').not.toMatch(/\{\{resolve:|postgres(ql)?:\/\//)
    }
    for (const variables of environmentsOf(template)) {
      expect(Object.keys(variables).filter((name) => /PASSWORD|TOKEN|DATABASE_URL/.test(name))).toEqual([])
      expect(variables.DATABASE_SECRET_ID).toEqual({ Ref: 'AppSecret' })
    }
    expect(template.Resources.DatabaseCluster?.Properties?.ManageMasterUserPassword).toBe(true)
    expect(template.Resources.AppSecretRotation?.Properties?.HostedRotationLambda).toBeDefined()
    expect(template.Transform).toContain('AWS::SecretsManager-2024-09-16')
  })

  it('gives the master secret to the migration alone', () => {
    const readers = ofType(templates[variant], 'AWS::IAM::Role').filter(([, role]) =>
      JSON.stringify(role).includes('MasterUserSecret'),
    )
    expect(readers.map(([id]) => id)).toEqual(['MigrateRole'])
  })

  it('keeps logs for a limited time, of every function', () => {
    const groups = ofType(templates[variant], 'AWS::Logs::LogGroup')
    expect(groups.map(([id]) => id)).toEqual(
      expect.arrayContaining(['OrdersLogGroup', 'FulfilOrdersLogGroup', 'DailyReportLogGroup', 'MigrateLogGroup']),
    )
    for (const [, { Properties }] of groups) expect(Properties?.RetentionInDays).toBe(variant === 'dev' ? 7 : 90)
  })
})

describe('the example service', () => {
  it('differs between its stages in what it should', () => {
    const cluster = (variant: Variant) => templates[variant].Resources.DatabaseCluster?.Properties
    expect(cluster('dev')?.DeletionProtection).toBe(false)
    expect(cluster('prod')?.DeletionProtection).toBe(true)
    expect(cluster('dev')?.ServerlessV2ScalingConfiguration).toEqual({ MinCapacity: 0, MaxCapacity: 2 })
    expect(cluster('prod')?.ServerlessV2ScalingConfiguration).toEqual({ MinCapacity: 1, MaxCapacity: 8 })
    expect(ofType(templates.dev, 'AWS::Lambda::Alias')).toEqual([])
    expect(ofType(templates.prod, 'AWS::Lambda::Alias')).toMatchObject([
      [
        'OrdersProvConcLambdaAlias',
        { Properties: { ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 5 } } },
      ],
    ])
  })

  it('goes through the proxy, and treats it as one, by one switch', () => {
    const orders = (variant: Variant) => variablesOf(templates[variant], 'OrdersLambdaFunction')
    expect(orders('prod')).toMatchObject({
      PGHOST: { 'Fn::GetAtt': ['DatabaseCluster', 'Endpoint.Address'] },
      PG_THAW_TARGET: 'direct',
    })
    expect(orders('prod behind a proxy')).toMatchObject({
      PGHOST: { 'Fn::GetAtt': ['DatabaseProxy', 'Endpoint'] },
      PG_THAW_TARGET: 'rds-proxy',
    })
    expect(ofType(templates.prod, 'AWS::RDS::DBProxy')).toEqual([])
    expect(variablesOf(templates['prod behind a proxy'], 'MigrateLambdaFunction')).toMatchObject({
      PGHOST: { 'Fn::GetAtt': ['DatabaseCluster', 'Endpoint.Address'] },
      PG_THAW_TARGET: 'direct',
    })
  })

  it('runs the migration once for each deployment, before the other functions change', () => {
    const deployments = Object.values(templates).map(({ Resources }) => Resources.Migration?.Properties?.Deployment)
    // A moment in ms: two of the three may be packaged in the same one.
    for (const deployment of deployments) expect(deployment).toMatch(/^\d{13}$/)
    expect(new Set(deployments).size).toBeGreaterThan(1)
    for (const id of ['OrdersLambdaFunction', 'FulfilOrdersLambdaFunction', 'DailyReportLambdaFunction']) {
      expect(templates.dev.Resources[id]?.DependsOn).toContain('Migration')
    }
  })

  it('has an alarm at four fifths of the sessions that the database allows', () => {
    const allowed = { dev: 400, prod: 1669 }
    for (const stage of ['dev', 'prod'] as const) {
      const { Resources } = templates[stage]
      const sources = { configuration: 'serverless.yml', fileOf: () => 'serverless.yml' }
      const settings = readSettings({}, { present: [] }, 'serverless.yml', SERVERLESS_WORDING, new Problems())
      const resources = resourcesOf({ Resources })
      const { limit } = drawUpBudget({ settings, logicalIds: {}, resources, sources, wording: SERVERLESS_WORDING })
      expect(limit.connections).toBe(allowed[stage])
      expect(Resources.SessionsAlarm?.Properties?.Threshold).toBe(Math.floor(limit.connections * 0.8))
    }
  })

  it('takes for zombies what the environments at work can not hold, by the max of each', () => {
    const [{ Expression }] = templates.prod.Resources.ZombiesAlarm?.Properties?.Metrics ?? []
    expect(Expression).toBe('sessions - FILL(orders, 0) * 1 - FILL(fulfil, 0) * 1 - FILL(report, 0) * 1')
  })

  it('lets a batch fail in part, and calls no more consumers than may run', () => {
    expect(ofType(templates.prod, 'AWS::Lambda::EventSourceMapping')).toMatchObject([
      [
        'FulfilOrdersEventSourceMappingSQSOrdersQueue',
        {
          Properties: { FunctionResponseTypes: ['ReportBatchItemFailures'], ScalingConfig: { MaximumConcurrency: 50 } },
        },
      ],
    ])
  })
})

describe('an error in a resource file', () => {
  /** One of each kind, spread over all files. */
  const direct = [
    ['infra/resources/network.yml', 'VpcEndpointType: Interface', 'VpcEndpointType: Interfce'],
    ['infra/resources/network.yml', 'EnableDnsSupport:', 'EnableDNSSupport:'],
    ['infra/resources/network.yml', 'SubnetId: !Ref PrivateSubnetA', 'SubnetId: !Ref Vpc'],
    ['infra/resources/database.yml', '!Ref DatabaseSubnets', '!Ref DatabaseSubnet'],
    ['infra/resources/database.yml', '[!Ref DatabaseSecurityGroup]', '!Ref DatabaseSecurityGroup'],
    ['infra/resources/secret.yml', 'RotationSecurityGroup.GroupId', 'RotationSecurityGroup.GroupIdentifier'],
    ['infra/resources/proxy.yml', 'IpProtocol: tcp', 'Protocol: tcp'],
    ['infra/resources/queue.yml', 'VisibilityTimeout: 60', 'VisibilityTimeout: a minute'],
    ['infra/resources/migration.yml', 'ServiceToken:', 'ServiceTokn:'],
    ['infra/resources/migration.yml', '- S3Endpoint', '- S3Gateway'],
    ['infra/resources/iam.yml', 'FulfilOrdersLogGroup.Arn', 'FulfilLogGroup.Arn'],
    ['infra/resources/observability.yml', 'Type: AWS::SNS::Topic', 'Type: AWS::SNS::Topics'],
    ['infra/resources/observability.yml', 'EvaluationPeriods: 5', 'EvaluationPeriods: true'],
  ] as const
  const proxied = [
    ['infra/resources/proxy.yml', 'DBProxyName: !Ref DatabaseProxy', 'ProxyName: !Ref DatabaseProxy'],
    ['infra/resources/proxy.yml', 'IdleClientTimeout: 1800', 'IdleClientTimeout: half an hour'],
    // It would wait for the migration, which waits for the database, which waits for it.
    [
      'infra/resources/database.yml',
      'Family: aurora',
      'Tags: [{ Key: a, Value: !Ref Migration }]\n      Family: aurora',
    ],
  ] as const

  it('is caught, whichever kind it is of and whichever file it is in', async () => {
    expect(check(await compile(variants.dev, direct)).sort()).toEqual(
      [
        'AlarmTopic: AWS::SNS::Topics is no type',
        'DatabaseCluster.VpcSecurityGroupIds: expected a list, got {"Ref":"DatabaseSecurityGroup"}',
        'FunctionsToDatabase.IpProtocol is missing',
        'FunctionsToDatabase.Protocol: no such property',
        'Migration: ServiceToken is missing',
        'OrdersQueue.VisibilityTimeout: expected integer, got "a minute"',
        'PrivateRouteA.SubnetId: expected a reference to AWS::EC2::Subnet, got AWS::EC2::VPC',
        'Resources.AppSecretRotation.Properties.HostedRotationLambda.VpcSecurityGroupIds: AWS::EC2::SecurityGroup has no attribute GroupIdentifier',
        'Resources.DatabaseCluster.Properties.DBSubnetGroupName: there is no DatabaseSubnet',
        'Resources.FulfilOrdersRole.Properties.Policies.2.PolicyDocument.Statement.0.Resource: there is no FulfilLogGroup',
        'Resources.Migration.DependsOn: there is no S3Gateway',
        'SecretsEndpoint.VpcEndpointType: expected one of Interface, Gateway, GatewayLoadBalancer, ServiceNetwork, Resource, Tunnel, got "Interfce"',
        'SessionsAlarm.EvaluationPeriods: expected integer, got true',
        'Vpc.EnableDNSSupport: no such property',
      ].sort(),
    )
    expect(check(await compile(variants['prod behind a proxy'], proxied)).sort()).toEqual([
      'DatabaseProxy.IdleClientTimeout: expected integer, got "half an hour"',
      'DatabaseProxyTargets.DBProxyName is missing',
      'DatabaseProxyTargets.ProxyName: no such property',
      expect.stringMatching(/^a circle: .*Migration/),
    ])
  })
})

interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource?: unknown
}

/** Every statement of every policy, whichever kind of resource it belongs to. */
function policiesOf(template: CompiledTemplate): Statement[] {
  return [...valuesOf(template.Resources)]
    .filter(({ path }) => /\.Statement\.\d+$/.test(path) && !path.includes('AssumeRolePolicyDocument'))
    .map(({ value }) => value as Statement)
}

function isWild(value: unknown): boolean {
  const text = typeof value === 'string' ? value : ((value as Record<string, unknown> | undefined)?.['Fn::Sub'] ?? '')
  return typeof text === 'string' && text.includes('*')
}

function environmentsOf(template: CompiledTemplate): Record<string, unknown>[] {
  return ofType(template, 'AWS::Lambda::Function').map(([id]) => variablesOf(template, id))
}

function variablesOf(template: CompiledTemplate, id: string): Record<string, unknown> {
  return template.Resources[id]?.Properties?.Environment.Variables
}
