import { record } from '../../template.js'
import { type Deployed, FUNCTION } from '../deployed.js'
import { distinctNames } from '../names.js'
import type { Words } from '../words.js'
import { type ProviderResource, UNKNOWN } from './provider-resource.js'

type Values = ProviderResource['values']
type Find = (key: string, ...types: readonly string[]) => unknown
type Translation = { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> }

/** Resources of the AWS provider in CloudFormation's words, as far as a budget is read from them. */
const TRANSLATIONS: Readonly<Record<string, (values: Values, find: Find) => Translation>> = {
  aws_lambda_function: (values) => ({
    Type: FUNCTION,
    Properties: defined({
      FunctionName: values.function_name,
      // -1 is the provider's word for none.
      ReservedConcurrentExecutions: unless(-1, values.reserved_concurrent_executions),
      MemorySize: values.memory_size,
      Environment: { Variables: variablesOf(values) },
      CapacityProviderConfig: capacityProvider(values),
    }),
  }),
  aws_lambda_provisioned_concurrency_config: (values, find) => ({
    Type: 'AWS::Lambda::Alias',
    Properties: {
      FunctionName: find('function_name', 'aws_lambda_function'),
      ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: values.provisioned_concurrent_executions },
    },
  }),
  aws_lambda_function_scaling_config: (values, find) => ({
    Type: 'AWS::Lambda::Version',
    Properties: {
      FunctionName: find('function_name', 'aws_lambda_function'),
      FunctionScalingConfig: defined({
        MaxExecutionEnvironments: block(values.function_scaling_config).max_execution_environments,
      }),
    },
  }),
  aws_db_instance: (values, find) => ({
    Type: 'AWS::RDS::DBInstance',
    Properties: defined({
      Engine: values.engine,
      DBInstanceClass: values.instance_class,
      DBParameterGroupName: find('parameter_group_name', 'aws_db_parameter_group'),
      SourceDBInstanceIdentifier: values.replicate_source_db || find('replicate_source_db', 'aws_db_instance'),
    }),
  }),
  aws_rds_cluster: (values, find) => {
    const scaling = block(values.serverlessv2_scaling_configuration)
    return {
      Type: 'AWS::RDS::DBCluster',
      Properties: defined({
        Engine: values.engine,
        ReplicationSourceIdentifier:
          values.replication_source_identifier || find('replication_source_identifier', 'aws_rds_cluster'),
        DBClusterInstanceClass: values.db_cluster_instance_class || undefined,
        DBClusterParameterGroupName: find('db_cluster_parameter_group_name', 'aws_rds_cluster_parameter_group'),
        ServerlessV2ScalingConfiguration:
          scaling.max_capacity === undefined
            ? undefined
            : { MinCapacity: scaling.min_capacity, MaxCapacity: scaling.max_capacity },
      }),
    }
  },
  aws_rds_cluster_instance: (values, find) => ({
    Type: 'AWS::RDS::DBInstance',
    Properties: defined({
      Engine: values.engine,
      DBInstanceClass: values.instance_class,
      // Never undefined: it is no database of its own.
      DBClusterIdentifier: find('cluster_identifier', 'aws_rds_cluster') ?? values.cluster_identifier ?? '',
      DBParameterGroupName: find('db_parameter_group_name', 'aws_db_parameter_group'),
    }),
  }),
  aws_db_parameter_group: (values) => parameterGroup('AWS::RDS::DBParameterGroup', values),
  aws_rds_cluster_parameter_group: (values) => parameterGroup('AWS::RDS::DBClusterParameterGroup', values),
  aws_db_proxy_default_target_group: (values) => ({
    Type: 'AWS::RDS::DBProxyTargetGroup',
    Properties: {
      ConnectionPoolConfigurationInfo: defined({
        MaxConnectionsPercent: block(values.connection_pool_config).max_connections_percent,
      }),
    },
  }),
}

/** Whether a type is one that is read here. */
export function isTranslated(type: string): boolean {
  return Object.hasOwn(TRANSLATIONS, type)
}

/** Reads a deployment of the AWS provider. */
export function readAwsProvider(file: string, resources: readonly ProviderResource[], words: Words): Deployed {
  const translated = resources.flatMap((resource) => {
    const translation = Object.hasOwn(TRANSLATIONS, resource.type) ? TRANSLATIONS[resource.type] : undefined
    if (translation === undefined) return []
    const find: Find = (key, ...types) => reference(resource, key, types, resources)
    return [{ resource, translation: translation(resource.values, find) }]
  })
  const functions = translated.flatMap(({ resource: { id, name, values }, translation: { Type } }) => {
    const given = typeof values.function_name === 'string' && values.function_name !== '' ? [values.function_name] : []
    return Type === FUNCTION ? [{ id, names: [...given, name, id], isOfTool: false }] : []
  })
  const Resources = Object.fromEntries(translated.map(({ resource, translation }) => [resource.id, translation]))
  return {
    template: { Parameters: {}, Mappings: {}, Conditions: {}, Resources },
    functions: distinctNames(functions),
    unread: [],
    words,
    fileOf: () => file,
  }
}

/** Names that a resource is called by in a value of another. */
const IDENTITIES = ['id', 'arn', 'name', 'function_name', 'cluster_identifier', 'identifier']

/** The resource that a value names: by its text where that is known, else by what it is made from. */
function reference(
  { id, name, values, referencesOf }: ProviderResource,
  key: string,
  types: readonly string[],
  all: readonly ProviderResource[],
): { readonly Ref: string } | undefined {
  const candidates = all.filter(({ type }) => types.includes(type))
  const text = values[key]
  const found =
    typeof text === 'string' && text !== ''
      ? candidates.find((it) => IDENTITIES.some((identity) => it.values[identity] === text))
      : candidateOf(referencesOf(key), candidates, id.slice(id.lastIndexOf(name) + name.length))
  return found === undefined ? undefined : { Ref: found.id }
}

/** Of several made by `count` or `for_each`, the one with the same index. */
function candidateOf(references: readonly string[], candidates: readonly ProviderResource[], index: string) {
  const named = candidates.filter(({ id }) => references.includes(id))
  return named.find(({ id }) => index !== '' && id.endsWith(index)) ?? named[0]
}

function parameterGroup(Type: string, { parameter, parameters }: Values): Translation {
  const list = [parameter ?? parameters ?? []].flat().map(record)
  const named = list.filter(({ name }) => typeof name === 'string')
  return { Type, Properties: { Parameters: Object.fromEntries(named.map(({ name, value }) => [name, value])) } }
}

/** Where nothing is known of them, or they are encrypted, the one that counts most is unknown too. */
function variablesOf({ environment }: Values): Readonly<Record<string, unknown>> {
  const { variables } = block(environment)
  return environment === UNKNOWN || variables === UNKNOWN ? { PG_THAW_MAX: UNKNOWN } : record(variables)
}

function capacityProvider(values: Values): Readonly<Record<string, unknown>> | undefined {
  const config = block(values.capacity_provider_config)
  if (Object.keys(config).length === 0 || values.capacity_provider_config === UNKNOWN) return undefined
  const managed = block(config.lambda_managed_instances_capacity_provider_config)
  return {
    LambdaManagedInstancesCapacityProviderConfig: defined({
      CapacityProviderArn: managed.capacity_provider_arn ?? 'unknown',
      ExecutionEnvironmentMemoryGiBPerVCpu: managed.execution_environment_memory_gib_per_vcpu ?? undefined,
    }),
  }
}

/** A nested block: a list of one in Terraform, itself in Pulumi. */
function block(value: unknown): Readonly<Record<string, unknown>> {
  return record(Array.isArray(value) ? value[0] : value)
}

function unless(none: number, value: unknown): unknown {
  return value === none || value === null ? undefined : value
}

function defined(properties: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined && value !== null))
}
