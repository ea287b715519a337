import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readContent } from '../../../src/budget/sources/index'

interface Planned {
  readonly address: string
  readonly values?: object
  readonly expressions?: object
}

/** A plan of one module within the root, as Terraform documents its form. */
function planOf(root: readonly Planned[], inner: readonly Planned[] = [], call: object = {}, outputs: object = {}) {
  const parts = (address: string) => /([a-z_]+)\.(\w+)(?:\[[^\]]*\])?$/.exec(address)?.slice(1) ?? []
  const planned = ({ address, values = {} }: Planned) => {
    const [type, name] = parts(address)
    return { address, mode: 'managed', type, name, provider_name: 'registry.terraform.io/hashicorp/aws', values }
  }
  const configured = ({ address, expressions = {} }: Planned) => {
    const [type, name] = parts(address)
    return { address: `${type}.${name}`, mode: 'managed', type, name, expressions }
  }
  const called = { expressions: call, module: { resources: inner.map(configured), outputs } }
  return {
    format_version: '1.2',
    planned_values: {
      root_module: {
        resources: root.map(planned),
        child_modules: [{ address: 'module.inner["eu"]', resources: inner.map(planned) }],
      },
    },
    configuration: { root_module: { resources: root.map(configured), module_calls: { inner: called } } },
  }
}

const read = (plan: object) => readContent('plan.json', Buffer.from(JSON.stringify(plan)))
const references = (...all: string[]) => ({ references: all })
const cluster = { address: 'aws_rds_cluster.main', values: { engine: 'aurora-postgresql' } }
const properties = (plan: object, id: string) => Object(read(plan).template.Resources[id]).Properties

describe('a plan of Terraform', () => {
  it('gives functions their reserved concurrency, where they have one', () => {
    const plan = planOf([
      { address: 'aws_lambda_function.a', values: { function_name: 'a', reserved_concurrent_executions: 20 } },
      { address: 'aws_lambda_function.b', values: { function_name: 'b', reserved_concurrent_executions: -1 } },
    ])
    expect(properties(plan, 'aws_lambda_function.a')).toMatchObject({ ReservedConcurrentExecutions: 20 })
    expect(properties(plan, 'aws_lambda_function.b')).not.toHaveProperty('ReservedConcurrentExecutions')
  })

  it('has functions that go by their names, or by their addresses where a name is known only later, or not unique', () => {
    const plan = planOf(
      [
        { address: 'aws_lambda_function.job["a"]', values: { function_name: 'shop-a' } },
        { address: 'aws_lambda_function.job["b"]' },
        { address: 'aws_lambda_function.orders' },
      ],
      [{ address: 'module.inner["eu"].aws_lambda_function.job[0]', values: { function_name: 'shop-a' } }],
    )
    expect(read(plan).functions.map(({ name }) => name)).toEqual([
      'aws_lambda_function.job["a"]',
      'aws_lambda_function.job["b"]',
      'orders',
      'module.inner["eu"].aws_lambda_function.job[0]',
    ])
  })

  it('knows replicas, whether what they replicate has a name yet or not', () => {
    const plan = planOf([
      cluster,
      {
        address: 'aws_rds_cluster.elsewhere',
        values: { engine: 'aurora-postgresql', replication_source_identifier: 'arn:aws:rds:eu-west-1:1:cluster:a' },
      },
      { address: 'aws_db_instance.one', values: { engine: 'postgres' } },
      {
        address: 'aws_db_instance.two',
        values: { engine: 'postgres' },
        expressions: { replicate_source_db: references('aws_db_instance.one.identifier', 'aws_db_instance.one') },
      },
    ])
    expect(properties(plan, 'aws_rds_cluster.main')).not.toHaveProperty('ReplicationSourceIdentifier')
    expect(properties(plan, 'aws_rds_cluster.elsewhere')).toHaveProperty('ReplicationSourceIdentifier')
    expect(properties(plan, 'aws_db_instance.one')).not.toHaveProperty('SourceDBInstanceIdentifier')
    expect(properties(plan, 'aws_db_instance.two')).toMatchObject({
      SourceDBInstanceIdentifier: { Ref: 'aws_db_instance.one' },
    })
  })

  it('follows what is known only after the deployment to the resource that it is made from', () => {
    const instance = {
      address: 'aws_rds_cluster_instance.one[0]',
      values: { instance_class: 'db.serverless' },
      expressions: { cluster_identifier: references('aws_rds_cluster.main.id', 'aws_rds_cluster.main') },
    }
    expect(properties(planOf([cluster, instance]), instance.address)).toMatchObject({
      DBClusterIdentifier: { Ref: cluster.address },
    })
  })

  it('follows it into a module, and out of one', () => {
    const instance = {
      address: 'module.inner["eu"].aws_rds_cluster_instance.one',
      expressions: { cluster_identifier: references('var.cluster') },
    }
    const given = { cluster: references('aws_rds_cluster.main.id', 'aws_rds_cluster.main') }
    expect(properties(planOf([cluster], [instance], given), instance.address)).toMatchObject({
      DBClusterIdentifier: { Ref: cluster.address },
    })

    const outside = {
      address: 'aws_rds_cluster_instance.one',
      expressions: { cluster_identifier: references('module.inner["eu"].cluster_id', 'module.inner') },
    }
    const inside = { ...cluster, address: 'module.inner["eu"].aws_rds_cluster.main' }
    const outputs = { cluster_id: { expression: references('aws_rds_cluster.main.id') } }
    expect(properties(planOf([outside], [inside], {}, outputs), outside.address)).toMatchObject({
      DBClusterIdentifier: { Ref: inside.address },
    })
  })

  it('keeps those of count and for_each apart', () => {
    const functions = ['a', 'b'].map((key) => ({ address: `aws_lambda_function.job["${key}"]` }))
    const provisioned = ['a', 'b'].map((key) => ({
      address: `aws_lambda_provisioned_concurrency_config.job["${key}"]`,
      values: { provisioned_concurrent_executions: 1 },
      expressions: { function_name: references('aws_lambda_function.job', 'each.key') },
    }))
    const plan = planOf([...functions, ...provisioned])
    expect(provisioned.map(({ address }) => properties(plan, address).FunctionName)).toEqual(
      functions.map(({ address }) => ({ Ref: address })),
    )
  })

  it('reads max_connections of a parameter group, and the share of a proxy', () => {
    const plan = planOf([
      {
        address: 'aws_db_parameter_group.main',
        values: { name: 'shop', parameter: [{ name: 'max_connections', value: '500' }] },
      },
      { address: 'aws_db_instance.main', values: { instance_class: 'db.t4g.micro', parameter_group_name: 'shop' } },
      {
        address: 'aws_db_proxy_default_target_group.main',
        values: { connection_pool_config: [{ max_connections_percent: 80 }] },
      },
    ])
    expect(properties(plan, 'aws_db_parameter_group.main')).toEqual({ Parameters: { max_connections: '500' } })
    expect(properties(plan, 'aws_db_instance.main')).toMatchObject({
      DBInstanceClass: 'db.t4g.micro',
      DBParameterGroupName: { Ref: 'aws_db_parameter_group.main' },
    })
    expect(properties(plan, 'aws_db_proxy_default_target_group.main')).toEqual({
      ConnectionPoolConfigurationInfo: { MaxConnectionsPercent: 80 },
    })
  })

  it('tells what is known only after the deployment from what is not there', () => {
    const address = 'aws_lambda_function.orders'
    const values = { function_name: 'orders', environment: [{ variables: { STAGE: 'prod' } }] }
    const after_unknown = {
      arn: true,
      reserved_concurrent_executions: true,
      environment: [{ variables: { PG_THAW_MAX: true } }],
    }
    const plan = { ...planOf([{ address, values }]), resource_changes: [{ address, change: { after_unknown } }] }
    expect(properties(plan, address)).toMatchObject({
      FunctionName: 'orders',
      ReservedConcurrentExecutions: { Ref: expect.any(String) },
      Environment: { Variables: { STAGE: 'prod', PG_THAW_MAX: { Ref: expect.any(String) } } },
    })
  })

  it('may be a state, too, where all is known', () => {
    const { planned_values, ...rest } = JSON.parse(readFileSync('test/budget/fixtures/plan.json', 'utf8'))
    const { functions } = read({ ...rest, values: planned_values, configuration: undefined })
    expect(functions).toHaveLength(4)
  })

  it('of another provider is refused, with what was found', () => {
    const plan = planOf([{ address: 'google_sql_database_instance.main' }, { address: 'azurerm_function_app.main' }])
    expect(() => read(plan)).toThrow('one of Terraform with resources of azurerm, google, and no function or database')
  })
})
