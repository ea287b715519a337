import { type Budget, drawUpBudget } from '../../../src/serverless/budget'
import type { FunctionConfiguration } from '../../../src/serverless/framework'
import { previewResources } from '../../../src/serverless/preview'

/** A budget of parts of a configuration, as the plugin draws it up. */
export function budgetOf({
  pgThaw,
  functions,
  resources = {},
  extensions = {},
}: {
  pgThaw?: unknown
  functions: Record<string, FunctionConfiguration>
  resources?: Record<string, unknown>
  extensions?: Record<string, unknown>
}): Budget {
  const service = { provider: {}, functions, resources: { Resources: resources, extensions } }
  const logicalIds = Object.fromEntries(Object.keys(functions).map((name) => [name, `${name}LambdaFunction`]))
  return drawUpBudget({
    settings: pgThaw,
    logicalIds,
    resources: previewResources({ service } as never, logicalIds),
    sources: { configuration: 'serverless.yml', fileOf: (id) => `${id}.yml` },
  })
}

/** A cluster of Aurora Serverless v2 with one instance. */
export function aurora(lowest: unknown, highest: unknown, more: Record<string, unknown> = {}) {
  return {
    Cluster: {
      Type: 'AWS::RDS::DBCluster',
      Properties: {
        Engine: 'aurora-postgresql',
        ServerlessV2ScalingConfiguration: { MinCapacity: lowest, MaxCapacity: highest },
        ...more,
      },
    },
    Writer: {
      Type: 'AWS::RDS::DBInstance',
      Properties: { DBClusterIdentifier: { Ref: 'Cluster' }, DBInstanceClass: 'db.serverless' },
    },
  }
}

/** A database on an instance of its own. */
export function instance(instanceClass: unknown, more: Record<string, unknown> = {}) {
  return {
    Database: {
      Type: 'AWS::RDS::DBInstance',
      Properties: { Engine: 'postgres', DBInstanceClass: instanceClass, ...more },
    },
  }
}
