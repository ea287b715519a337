import type { Settings } from './settings/settings.js'
import type { Resources } from './template.js'

/** What a budget is drawn up from, whatever tool deploys it. */
export interface Deployment {
  /** What the user has said for the budget, checked: see {@link readSettings}. */
  readonly settings: Settings
  /** The logical id of each function, by the name that its users know it by. */
  readonly logicalIds: Readonly<Record<string, string>>
  /** In CloudFormation's model, into which other tools' are translated. Expressions that could be resolved are. */
  readonly resources: Resources
  readonly sources: Sources
  readonly wording: Wording
}

/** Says which file a key stands in: what a message names has to be found. */
export interface Sources {
  /** Where the settings are, such as `serverless.yml`, or `command line`. */
  readonly configuration: string
  /** Where a resource is written, relative to the project; the configuration if it is in no other. */
  fileOf(logicalId: string): string
}

/** How a thing is called where its reader would change it. */
export interface Wording {
  /**
   * A setting: `custom.pgThaw.max`, or of one function `custom.pgThaw.functions.orders.max`; on the command line `--max` and
   * `--max orders=…`.
   *
   * @param key as in `custom.pgThaw`: `max`, `maxConnections`, `proxy.sessions`; empty for the whole of it.
   */
  setting(key: string, functionName?: string): string
  /**
   * A function's reserved or provisioned concurrency: `functions.orders.reservedConcurrency`,
   * `Resources.Orders.Properties.ReservedConcurrentExecutions`, `aws_lambda_function.orders.reserved_concurrent_executions`.
   */
  concurrency(kind: 'reserved' | 'provisioned', functionName: string): string
  /** A property of a resource: `Resources.Cluster.Properties.Engine`. Its parts are divided by dots. */
  property(logicalId: string, property: string): string
  /** A type of resource: `AWS::RDS::DBCluster`, `aws_rds_cluster`. */
  type(type: string): string
  /** Changes as lines that can be pasted where their reader writes them: YAML ({@link yamlLines}), HCL, options. */
  paste(changes: readonly Change[], sources: Sources): string[]
}

/** One value to set, so that the functions fit. */
export type Change =
  /** A setting, as in {@link Wording.setting}. */
  | { readonly of: 'setting'; readonly key: string; readonly functionName?: string; readonly value: number }
  /** A function's reserved concurrency. */
  | { readonly of: 'concurrency'; readonly functionName: string; readonly value: number }
  /** A property of a resource, as in {@link Wording.property}. */
  | { readonly of: 'property'; readonly logicalId: string; readonly property: string; readonly value: number | string }
