import type { Change, Deployment } from '../deployment.js'
import { missingValue, wrongProperty } from '../errors.js'
import type { Target } from '../settings/settings.js'
import { asCount, record } from '../template.js'

/** What a pooler in front of the database adds to it, and takes from the functions behind it. */
export interface ProxyShare {
  /** Sessions that the pooler may open at the database. */
  readonly sessions: number
  readonly source: string
  /** Clients it takes; undefined: not known to be bounded. */
  readonly clients: number | undefined
  /** Where `sessions` is set: its value there, and a change of it. */
  readonly share: { readonly now: number; change(value: number): Change }
}

/**
 * Reads what the pooler in front of the database may open there.
 *
 * @param allowed what the database allows.
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` where that can't be known.
 */
export function readProxyShare(
  { resources, settings, sources, wording }: Deployment,
  targets: readonly Target[],
  allowed: number,
): ProxyShare {
  const { clients, sessions } = settings.proxy
  if (sessions !== undefined) {
    const change = (value: number) => ({ of: 'setting', key: 'proxy.sessions', value }) as const
    return { sessions, clients, source: wording.setting('proxy.sessions'), share: { now: sessions, change } }
  }
  const groups = Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::RDS::DBProxyTargetGroup')
  const [group] = targets.includes('pgbouncer') ? [] : groups
  if (group === undefined) {
    const expected = `what the pooler may open at the database, as no ${wording.type('AWS::RDS::DBProxyTargetGroup')} of the service says it`
    throw missingValue(sources.configuration, wording.setting('proxy.sessions'), expected)
  }
  const [id, { Properties }] = group
  // RDS's default is all there is.
  const percent = record(Properties.ConnectionPoolConfigurationInfo).MaxConnectionsPercent ?? 100
  const property = 'ConnectionPoolConfigurationInfo.MaxConnectionsPercent'
  const share = asCount(percent)
  if (share === undefined || share < 1 || share > 100) {
    const key = wording.property(id, property)
    throw wrongProperty(sources.fileOf(id), key, 'an integer from 1 to 100', percent)
  }
  const change = (value: number) => ({ of: 'property', logicalId: id, property, value }) as const
  return {
    sessions: Math.floor((allowed * share) / 100),
    clients,
    source: `${id}, ${share} %`,
    share: { now: share, change },
  }
}
