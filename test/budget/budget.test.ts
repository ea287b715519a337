import { describe, expect, it } from 'vitest'
import { checkProperties } from '../serverless/support/specification'
import { aurora, budgetOf, instance, reportOf } from './support/budget-of'

describe('the sessions that functions may open', () => {
  it('are reserved concurrency × max, added up, with the reserve', () => {
    const budget = budgetOf({
      pgThaw: { max: 2, maxConnections: 100, functions: { queue: { max: 1 } } },
      functions: { api: { reservedConcurrency: 20 }, queue: { reservedConcurrency: 5 } },
    })
    expect(budget).toMatchObject({ direct: 45, needed: 55, fits: true })
    expect(budget.demands.map(({ sessions }) => sessions)).toEqual([40, 5])
  })

  it('fit when they are exactly what the database has, and not with one more', () => {
    const functions = { api: { reservedConcurrency: 45 } }
    expect(budgetOf({ pgThaw: { max: 2, maxConnections: 100 }, functions }).fits).toBe(true)
    expect(budgetOf({ pgThaw: { max: 2, maxConnections: 99 }, functions }).fits).toBe(false)
    expect(budgetOf({ pgThaw: { max: 2, maxConnections: 99, reserve: 9 }, functions }).fits).toBe(true)
  })

  it('count every pool and every worker of a function', () => {
    const pgThaw = { max: 2, maxConnections: 100, functions: { api: { pools: 3, workers: 2 } } }
    expect(budgetOf({ pgThaw, functions: { api: { reservedConcurrency: 5 } } }).direct).toBe(60)
  })

  it('are ten for each pool whose max nobody has said, which is the pool’s own default, or as the variable of the pool says', () => {
    const functions = { api: { reservedConcurrency: 5 }, queue: { reservedConcurrency: 3 } }
    const budget = budgetOf({
      pgThaw: { maxConnections: 100 },
      functions: { ...functions, queue: { ...functions.queue, environment: { PG_THAW_MAX: '2' } } },
    })
    expect(budget.demands.map(({ max, isDefaultMax }) => [max, isDefaultMax])).toEqual([
      [10, true],
      [2, false],
    ])
    expect(budget.direct).toBe(56)
  })

  it('without a reservation are bounded by what the account has left, once for all such functions', () => {
    const budget = budgetOf({
      pgThaw: { max: 2, maxConnections: 5000, functions: { small: { max: 1 } } },
      functions: { api: { reservedConcurrency: 100 }, large: {}, small: {} },
    })
    expect(budget.demands.map(({ name, environments, sessions }) => [name, environments, sessions])).toEqual([
      ['api', 100, 200],
      ['large', 900, 1800],
      ['small', 900, 0],
    ])
    expect(budget.direct).toBe(2000)
  })

  it('are not bounded by provisioned concurrency, beyond which calls spill over', () => {
    const budget = budgetOf({
      pgThaw: { max: 1, maxConnections: 5000 },
      functions: { api: { provisionedConcurrency: 5 } },
    })
    expect(budget.direct).toBe(1000)
  })

  it('are none for a function that is switched off, or that opens none', () => {
    const pgThaw = { max: 2, maxConnections: 100, functions: { plain: { max: 0 } } }
    expect(budgetOf({ pgThaw, functions: { api: { reservedConcurrency: 0 }, plain: {} } }).direct).toBe(0)
  })

  describe('on Managed Instances', () => {
    const provider = { CapacityProviderArn: 'arn' }
    const managed = {
      MemorySize: 4096,
      CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig: provider },
      FunctionScalingConfig: { MaxExecutionEnvironments: 3 },
    }
    const pgThaw = { max: 2, maxConnections: 500 }
    const sessionsOf = (properties: object = managed, settings: object = {}, more: Record<string, object> = {}) => {
      const extensions = { apiLambdaFunction: { Properties: properties } }
      return budgetOf({ pgThaw: { ...pgThaw, ...settings }, functions: { api: {} }, extensions, resources: more })
        .direct
    }
    const withVcpusOf = (gib: number) => ({
      ...managed,
      CapacityProviderConfig: {
        LambdaManagedInstancesCapacityProviderConfig: { ...provider, ExecutionEnvironmentMemoryGiBPerVCpu: gib },
      },
    })

    it('are read from properties that CloudFormation has', () => {
      const { CapacityProviderConfig } = withVcpusOf(4)
      const Role = 'arn:aws:iam::000000000000:role/api'
      const Environment = { Variables: { AWS_LAMBDA_NODEJS_WORKER_COUNT: '5' } }
      const Api = {
        Type: 'AWS::Lambda::Function',
        Properties: { ...managed, CapacityProviderConfig, Environment, Role, Code: {} },
      }
      const { FunctionScalingConfig } = managed
      const Properties = { FunctionName: { Ref: 'Api' }, FunctionScalingConfig }
      expect(checkProperties({ Resources: { Api, Version: { Type: 'AWS::Lambda::Version', Properties } } })).toEqual([])
    })

    it('are environments × workers × max, with 8 workers for each vCPU, which the runtime rounds up', () => {
      // 4 GiB at 2 GiB for each vCPU.
      expect(sessionsOf()).toBe(3 * 16 * 2)
      expect(sessionsOf(withVcpusOf(4))).toBe(3 * 8 * 2)
      expect(sessionsOf(withVcpusOf(8))).toBe(3 * 8 * 2)
      expect(sessionsOf({ ...managed, MemorySize: 5120 })).toBe(3 * 24 * 2)
    })

    it('have as many workers as is said by hand, or by the variable that the runtime reads', () => {
      expect(sessionsOf(managed, { functions: { api: { workers: 4 } } })).toBe(3 * 4 * 2)
      const Environment = { Variables: { AWS_LAMBDA_NODEJS_WORKER_COUNT: '5' } }
      expect(sessionsOf({ ...managed, Environment })).toBe(3 * 5 * 2)
      expect(sessionsOf({ ...managed, Environment }, { workers: 5 })).toBe(3 * 5 * 2)
      const functions = { api: { environment: { AWS_LAMBDA_NODEJS_WORKER_COUNT: 5 } } }
      const extensions = { apiLambdaFunction: { Properties: managed } }
      expect(budgetOf({ pgThaw, functions, extensions }).direct).toBe(3 * 5 * 2)
    })

    it('are the same however many calls share a worker', () => {
      const shared = { ...provider, PerExecutionEnvironmentMaxConcurrency: 64 }
      const CapacityProviderConfig = { LambdaManagedInstancesCapacityProviderConfig: shared }
      expect(sessionsOf({ ...managed, CapacityProviderConfig })).toBe(3 * 16 * 2)
    })

    it('have the bounds of the version that is published, where the function has none', () => {
      const { FunctionScalingConfig, ...unbounded } = managed
      const Version = {
        Type: 'AWS::Lambda::Version',
        Properties: { FunctionName: { Ref: 'apiLambdaFunction' }, FunctionScalingConfig },
      }
      expect(sessionsOf(unbounded, {}, { Version })).toBe(3 * 16 * 2)
    })

    it('may have fewer workers, where they do not fit', () => {
      const extensions = { apiLambdaFunction: { Properties: managed } }
      const parts = { pgThaw: { ...pgThaw, maxConnections: 60 }, functions: { api: {} }, extensions }
      expect(reportOf(parts)).toContain('  - custom.pgThaw.functions.api.workers of 8 or less (now 16)')
      expect(sessionsOf(managed, { workers: 8 })).toBeLessThanOrEqual(50)
    })
  })

  it('leave some behind for the length of a lease after a deploy: as many as are kept through a freeze', () => {
    const pgThaw = { max: 4, maxConnections: 500, functions: { none: { min: 0 }, two: { min: 2 } } }
    const functions = {
      one: { reservedConcurrency: 10 },
      none: { reservedConcurrency: 10 },
      two: { reservedConcurrency: 10 },
    }
    expect(budgetOf({ pgThaw, functions }).leftBehind).toBe(30)
  })

  it('leave behind of the account’s concurrency what the one function keeps that keeps most', () => {
    const pgThaw = { maxConnections: 5000, functions: { large: { max: 4, min: 0 }, small: { max: 1, min: 1 } } }
    expect(budgetOf({ pgThaw, functions: { large: {}, small: {} } })).toMatchObject({ direct: 4000, leftBehind: 1000 })
  })

  it('go by what the service’s resources say of a function beside its own configuration', () => {
    const functions = { api: { reservedConcurrency: 5, environment: { PG_THAW_MAX: '2' } } }
    const Environment = { Variables: { LEVEL: 'info' } }
    const resources = { apiLambdaFunction: { Type: 'AWS::Lambda::Function', Properties: { Environment } } }
    expect(budgetOf({ pgThaw: { maxConnections: 100 }, functions, resources }).direct).toBe(10)
  })
})

describe('what the database allows', () => {
  const functions = { api: { reservedConcurrency: 1 } }
  const limitOf = (resources: Record<string, unknown>, pgThaw = {}) =>
    budgetOf({ pgThaw: { max: 1, ...pgThaw }, functions, resources }).limit

  it('is read from the capacity of a serverless cluster', () => {
    expect(limitOf(aurora(0.5, 8))).toMatchObject({ connections: 1669, source: 'Cluster, 0.5 to 8 ACUs' })
    expect(limitOf(aurora('0.5', '8')).connections).toBe(1669)
  })

  it('is read from the class of an instance', () => {
    expect(limitOf(instance('db.t4g.medium'))).toMatchObject({ connections: 405, source: 'Database, db.t4g.medium' })
  })

  it('is that of the smallest instance of a cluster, which may become the writer', () => {
    const member = (instanceClass: string) => ({
      Type: 'AWS::RDS::DBInstance',
      Properties: { DBClusterIdentifier: { Ref: 'Cluster' }, DBInstanceClass: instanceClass },
    })
    const { Cluster } = aurora(1, 2)
    expect(limitOf({ Cluster, A: member('db.r6g.large'), B: member('db.t4g.medium') }).source).toBe('B, db.t4g.medium')
  })

  it('is what a parameter group sets, the instance’s before the cluster’s', () => {
    const group = (max_connections: unknown) => ({ Properties: { Parameters: { max_connections } } })
    const own = { ...group('250'), Type: 'AWS::RDS::DBParameterGroup' }
    expect(limitOf({ ...instance('db.r6g.large', { DBParameterGroupName: { Ref: 'Own' } }), Own: own })).toMatchObject({
      connections: 250,
      source: 'Own, max_connections',
    })
    const whole = { ...group(300), Type: 'AWS::RDS::DBClusterParameterGroup' }
    const clustered = aurora(1, 8, { DBClusterParameterGroupName: { Ref: 'Whole' } })
    expect(limitOf({ ...clustered, Whole: whole }).connections).toBe(300)
    const usual = { ...group('LEAST({DBInstanceClassMemory/9531392},5000)'), Type: 'AWS::RDS::DBParameterGroup' }
    expect(
      limitOf({ ...instance('db.r6g.large', { DBParameterGroupName: { Ref: 'Own' } }), Own: usual }).connections,
    ).toBe(1722)
  })

  it('is a figure of the user’s own before all others', () => {
    expect(limitOf(instance('db.q9.large'), { maxConnections: 77 }).connections).toBe(77)
  })

  it('is that of the database itself, not of a replica of it that only reads, unless that is named', () => {
    const replica = { ...instance('db.t4g.micro', { SourceDBInstanceIdentifier: { Ref: 'Database' } }).Database }
    const resources = { ...instance('db.r6g.large'), Replica: replica }
    expect(limitOf(resources).connections).toBe(1722)
    expect(limitOf(resources, { database: 'Replica' }).connections).toBe(75)
    expect(limitOf({ Replica: replica }).connections).toBe(75)
  })

  it('is that of the database named, where there are several', () => {
    const resources = { ...aurora(1, 2), ...instance('db.r6g.large') }
    expect(limitOf(resources, { database: 'Database' }).connections).toBe(1722)
    expect(limitOf(resources, { database: 'Cluster' }).connections).toBe(400)
  })
})

describe('behind a pooler', () => {
  const functions = { api: { reservedConcurrency: 500 }, migrate: { reservedConcurrency: 1 } }
  const proxied = { max: 2, target: 'rds-proxy', functions: { migrate: { max: 1, target: 'direct' } } }
  const targets = (percent?: unknown) => ({
    Targets: {
      Type: 'AWS::RDS::DBProxyTargetGroup',
      Properties: { ConnectionPoolConfigurationInfo: { MaxConnectionsPercent: percent } },
    },
  })

  it('the database sees the pooler’s share instead of the functions’ sessions', () => {
    const budget = budgetOf({ pgThaw: proxied, functions, resources: { ...aurora(1, 2), ...targets(80) } })
    expect(budget).toMatchObject({ direct: 1, proxied: 1000, proxy: { sessions: 320 }, needed: 331, fits: true })
  })

  it('a share of all that there is leaves nothing for anybody else', () => {
    const parts = { pgThaw: proxied, functions, resources: { ...aurora(1, 2), ...targets() } }
    expect(budgetOf(parts)).toMatchObject({ needed: 411, fits: false })
    expect(reportOf(parts)).toContain('let the pooler open 389 (now 400: Targets, 100 %)')
  })

  it('PgBouncer’s figures are the user’s own, and its clients are counted too', () => {
    const bounced = { ...proxied, target: 'pgbouncer', maxConnections: 200, proxy: { sessions: 50, clients: 800 } }
    const parts = { pgThaw: bounced, functions }
    expect(budgetOf(parts)).toMatchObject({ needed: 61, proxied: 1000, fits: false })
    expect(reportOf(parts)).toContain('The functions could be more clients than the pooler takes: 1000 of 800.')
    expect(reportOf(parts)).toContain('functions.api.reservedConcurrency of 400 or less (now 500)')
    const { proxy: _, ...unknown } = bounced
    expect(() => budgetOf({ pgThaw: unknown, functions })).toThrow(
      'serverless.yml: custom.pgThaw.proxy.sessions is missing: expected what the pooler may open',
    )
  })
})

describe('the report', () => {
  it('says by how much it does not fit, and what would make it fit', () => {
    const parts = {
      pgThaw: { max: 10, functions: { queue: { max: 1 } } },
      functions: { api: { reservedConcurrency: 100 }, queue: { reservedConcurrency: 50 } },
      resources: aurora(1, 2),
    }
    expect(reportOf(parts)).toBe(
      `The functions could open more sessions than the database has: 1060 of 400.

function  target  environments  workers  pools   max  sessions
--------------------------------------------------------------
api       direct  100 reserved      × 1    × 1  × 10      1000
queue     direct  50 reserved       × 1    × 1   × 1        50
--------------------------------------------------------------
functions, direct                                         1050
reserve                                                     10
needed                                                    1060
allowed (Cluster, 1 to 2 ACUs)                             400

For the length of a lease after a deploy, environments of the code before may hold 150 more.

What to change, any one of:
  - functions.api.reservedConcurrency of 34 or less (now 100)
  - custom.pgThaw.functions.api.max of 3 or less (now 10)
  - Cluster.yml: Resources.Cluster.Properties.ServerlessV2ScalingConfiguration.MaxCapacity of 5.5 or more (now 2)
  - put RDS Proxy or PgBouncer in between, and set custom.pgThaw.target

Or this, which fits:
  # serverless.yml
  custom:
    pgThaw:
      functions:
        api:
          max: 1`,
    )
  })

  it('asks for a reservation of all functions that have none, since what one leaves is open to the next', () => {
    const text = reportOf({ pgThaw: { max: 2, maxConnections: 100 }, functions: { one: {}, two: {} } })
    expect(text).toContain(
      '  - functions.one.reservedConcurrency, functions.two.reservedConcurrency of 22 or less each (now none)',
    )
    expect(text).toContain('Without reserved concurrency, and so bounded by the account alone: one, two.')
    const reserved = { one: { reservedConcurrency: 22 }, two: { reservedConcurrency: 22 } }
    expect(budgetOf({ pgThaw: { max: 2, maxConnections: 100 }, functions: reserved }).fits).toBe(true)
  })

  it('proposes only what makes it fit', () => {
    const functions = { api: { reservedConcurrency: 100 }, queue: { reservedConcurrency: 50 } }
    const pgThaw = { max: 10, functions: { queue: { max: 1 } } }
    const fits = (changes: object, resources = aurora(1, 2), settings: object = pgThaw) =>
      budgetOf({ pgThaw: settings, functions: { ...functions, ...changes }, resources }).fits
    expect(fits({})).toBe(false)
    expect([fits({ api: { reservedConcurrency: 34 } }), fits({ api: { reservedConcurrency: 35 } })]).toEqual([
      true,
      false,
    ])
    const withMax = (max: number) => ({ ...pgThaw, functions: { ...pgThaw.functions, api: { max } } })
    expect([fits({}, undefined, withMax(3)), fits({}, undefined, withMax(4))]).toEqual([true, false])
    expect([fits({}, aurora(1, 5.5)), fits({}, aurora(1, 5))]).toEqual([true, false])
  })
})
