import type { Wording } from '../deployment.js'
import { yamlLines } from '../yaml-lines.js'

/** How a tool's users call what is in its file. */
export interface Words extends Pick<Wording, 'property' | 'type'> {
  /** A property set to a value, as lines for where its reader writes it. */
  paste(entries: readonly PropertyValue[]): string[]
}

export interface PropertyValue {
  readonly id: string
  readonly property: string
  readonly value: number | string
}

/** CloudFormation's, and SAM's. */
export const CLOUDFORMATION_WORDS: Words = {
  property: (id, property) => `Resources.${id}.Properties.${property}`,
  type: (type) => type,
  paste: (entries) =>
    yamlLines(
      entries.map(({ id, property, value }) => ({
        path: ['Resources', id, 'Properties', ...property.split('.')],
        value,
      })),
    ),
}

/** CDK's: constructs, as the ids of resources are nobody's choice. */
export function cdkWords(constructOf: (id: string) => string): Words {
  const property = (id: string, name: string) => `${constructOf(id)}: ${name}`
  return {
    property,
    type: (type) => type,
    paste: (entries) => entries.map(({ id, property: name, value }) => `${property(id, name)} = ${value}`),
  }
}

/** Terraform's. */
export const TERRAFORM_WORDS = providerWords((name) => name, {
  'AWS::RDS::DBCluster': 'aws_rds_cluster',
  'AWS::RDS::DBInstance': 'aws_db_instance',
  'AWS::RDS::DBProxyTargetGroup': 'aws_db_proxy_default_target_group',
})

/** Pulumi's, and SST's. */
export const PULUMI_WORDS = providerWords((name) => name.replaceAll(/_[a-z]/g, (it) => it.slice(1).toUpperCase()), {
  'AWS::RDS::DBCluster': 'aws.rds.Cluster',
  'AWS::RDS::DBInstance': 'aws.rds.Instance',
  'AWS::RDS::DBProxyTargetGroup': 'aws.rds.ProxyDefaultTargetGroup',
})

/** Parts of CloudFormation's properties, by the provider's names for them. What is not here is the user's own, such as a variable. */
const PARTS: Readonly<Record<string, string>> = {
  ConnectionPoolConfigurationInfo: 'connection_pool_config',
  DBClusterInstanceClass: 'db_cluster_instance_class',
  DBInstanceClass: 'instance_class',
  Engine: 'engine',
  Environment: 'environment',
  FunctionScalingConfig: 'function_scaling_config',
  MaxCapacity: 'max_capacity',
  MaxConnectionsPercent: 'max_connections_percent',
  MaxExecutionEnvironments: 'max_execution_environments',
  MemorySize: 'memory_size',
  MinCapacity: 'min_capacity',
  Parameters: 'parameter',
  ReservedConcurrentExecutions: 'reserved_concurrent_executions',
  ServerlessV2ScalingConfiguration: 'serverlessv2_scaling_configuration',
  Variables: 'variables',
}

function providerWords(spelled: (name: string) => string, types: Readonly<Record<string, string>>): Words {
  const property = (id: string, name: string) => {
    const parts = name.split('.').map((part) => (Object.hasOwn(PARTS, part) ? spelled(String(PARTS[part])) : part))
    return `${id}.${parts.join('.')}`
  }
  return {
    property,
    type: (type) => (Object.hasOwn(types, type) ? String(types[type]) : type),
    paste: (entries) => entries.map(({ id, property: name, value }) => `${property(id, name)} = ${value}`),
  }
}
