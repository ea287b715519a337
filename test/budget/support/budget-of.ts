import { type Budget, drawUpBudget } from '../../../src/budget/budget'
import { withEnvironments } from '../../../src/budget/concurrency/environments'
import type { Deployment } from '../../../src/budget/deployment'
import { Problems } from '../../../src/budget/errors'
import { resolveTemplate } from '../../../src/budget/expressions'
import { report } from '../../../src/budget/report/report'
import { readSettings } from '../../../src/budget/settings/settings'
import type { FunctionConfiguration } from '../../../src/serverless/framework'
import { previewTemplate } from '../../../src/serverless/preview'
import { SERVERLESS_WORDING } from '../../../src/serverless/wording'

/** Parts of a configuration. */
export interface Parts {
  readonly pgThaw?: unknown
  readonly functions: Readonly<Record<string, FunctionConfiguration>>
  readonly resources?: Readonly<Record<string, unknown>>
  readonly extensions?: Readonly<Record<string, unknown>>
}

/** A budget of parts of a configuration, as the plugin draws it up. */
export function budgetOf(parts: Parts): Budget {
  const problems = new Problems()
  return drawUpBudget(deploymentOf(parts, problems), problems)
}

/** The same as its reader sees it. */
export function reportOf(parts: Parts): string {
  return report(budgetOf(parts), deploymentOf(parts))
}

/** What the plugin draws it up from. */
export function deploymentOf(
  { pgThaw, functions, resources = {}, extensions = {} }: Parts,
  problems = new Problems(),
): Deployment {
  const service = { provider: {}, functions, resources: { Resources: resources, extensions } }
  const names = Object.keys(functions)
  const logicalIds = Object.fromEntries(names.map((name) => [name, `${name}LambdaFunction`]))
  const configuration = 'serverless.yml'
  const deployment = {
    settings: readSettings(pgThaw, { present: names }, configuration, SERVERLESS_WORDING, problems),
    logicalIds,
    resources: resolveTemplate(previewTemplate({ service } as never, logicalIds)).resources,
    sources: {
      configuration,
      fileOf: (id: string) => (Object.values(logicalIds).includes(id) ? configuration : `${id}.yml`),
    },
    wording: SERVERLESS_WORDING,
  }
  return withEnvironments(deployment, problems)
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
