import type { Change, Deployment } from '../deployment.js'
import { missingValue, unknownValue } from '../errors.js'
import { asCount, type Resource, type Resources, record, referenced } from '../template.js'
import { connectionsOfAcus, connectionsOfClass, leastAcus, leastClass } from './capacity.js'

/** What the database allows. */
export interface Limit {
  readonly connections: number
  /** Where the figure comes from, for the reader of the table. */
  readonly source: string
  /** What to change, if so many sessions are needed. */
  raise(needed: number): string
  /** A larger database, as large as that takes; undefined where there is none, or none that anybody could change here. */
  grow(needed: number): readonly Change[] | undefined
}

const INSTANCE = 'AWS::RDS::DBInstance'
const CLUSTER = 'AWS::RDS::DBCluster'
/** RDS's and Aurora's own default, as a parameter group spells it. */
const DEFAULT_FORMULA = /^LEAST\(\{DBInstanceClassMemory\/9531392\},\s*5000\)$/

/**
 * Reads from the resources what the service's database allows; the user's own figure goes first.
 *
 * @param open what the functions could open, where that is known: who is asked for the limit wants to know it.
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` where that can't be known.
 */
export function readLimit(deployment: Deployment, open?: number): Limit {
  const { settings, resources, wording } = deployment
  if (settings.maxConnections !== undefined) {
    const key = wording.setting('maxConnections')
    const raise = (needed: number) => `raise the database's max_connections, and ${key}, to ${needed}`
    return { connections: settings.maxConnections, source: key, raise, grow: () => undefined }
  }
  const id = chooseDatabase(deployment, open)
  const instances = resources[id]?.Type === INSTANCE ? [id] : instancesOf(id, resources)
  const limits = (instances.length > 0 ? instances : [id]).map((each) => limitOf(each, id, deployment))
  // Any instance of a cluster may become the writer.
  const smallest = limits.reduce((least, limit) => (limit.connections < least.connections ? limit : least))
  const grow = (needed: number) => growAll(limits, needed)
  return { ...smallest, grow }
}

function chooseDatabase(
  { resources, settings: { database }, sources, wording }: Deployment,
  open: number | undefined,
): string {
  const databases = Object.entries(resources).filter(([, { Properties }]) => !isOfAnotherMake(Properties))
  const clusters = databases.filter(([, { Type }]) => Type === CLUSTER)
  const alone = databases.filter(
    ([, { Type, Properties }]) => Type === INSTANCE && Properties.DBClusterIdentifier === undefined,
  )
  const all = [...clusters, ...alone]
  const primaries = all.filter(([, { Properties }]) => !isReplica(Properties))
  const idsOf = (found: typeof all) => found.map(([id]) => id)
  const candidates = idsOf(database === undefined && primaries.length > 0 ? primaries : all)
  const file = sources.configuration
  const types = `${wording.type(CLUSTER)} or ${wording.type(INSTANCE)}`
  if (database !== undefined) {
    if (candidates.includes(database)) return database
    const named = candidates.length === 0 ? `the logical id of an ${types}` : `one of ${candidates.join(', ')}`
    // No slip for sure: one whose condition is false is not there.
    throw unknownValue(file, wording.setting('database'), named, database)
  }
  const [only, second] = candidates
  if (only === undefined) {
    const could = open === undefined ? '' : `; the functions could open ${open}`
    const expected = `what the database allows (SHOW max_connections), as no ${types} of PostgreSQL in the service says it${could}`
    throw missingValue(file, wording.setting('maxConnections'), expected)
  }
  if (second === undefined) return only
  const expected = `one of ${candidates.join(', ')}: the service has several`
  throw missingValue(file, wording.setting('database'), expected)
}

function isOfAnotherMake({ Engine }: Resource['Properties']): boolean {
  return typeof Engine === 'string' && !Engine.includes('postgres')
}

function isReplica({
  SourceDBInstanceIdentifier,
  SourceDBClusterIdentifier,
  ReplicationSourceIdentifier,
}: Resource['Properties']): boolean {
  return [SourceDBInstanceIdentifier, SourceDBClusterIdentifier, ReplicationSourceIdentifier].some(
    (source) => source !== undefined && source !== null && source !== '',
  )
}

function instancesOf(cluster: string, resources: Resources): string[] {
  return Object.entries(resources)
    .filter(([, { Type, Properties }]) => Type === INSTANCE && referenced(Properties.DBClusterIdentifier) === cluster)
    .map(([id]) => id)
}

function limitOf(id: string, database: string, deployment: Deployment): Limit {
  const { resources, sources, wording } = deployment
  const at = (key: string) => [sources.fileOf(id), wording.property(id, key)] as const
  const own = resources[id] as Resource
  const whole = resources[database] as Resource
  const set = parameterOf(own, whole, deployment)
  if (set !== undefined) return set

  const classKey = own.Type === CLUSTER ? 'DBClusterInstanceClass' : 'DBInstanceClass'
  const instanceClass = own.Properties[classKey]
  if (instanceClass === 'db.serverless') return limitByAcus(database, whole, deployment)
  const connections = typeof instanceClass === 'string' ? connectionsOfClass(instanceClass) : undefined
  if (connections === undefined) {
    const expected = `a known instance class such as db.r6g.large (${overriding(deployment)})`
    throw unknownValue(...at(classKey), expected, instanceClass)
  }
  const raise = (needed: number) => `${at(classKey).join(': ')}: a class that allows ${needed} (now ${instanceClass})`
  const grow = (needed: number): Change[] | undefined => {
    const value = leastClass(String(instanceClass), needed)
    return value === undefined ? undefined : [{ of: 'property', logicalId: id, property: classKey, value }]
  }
  return { connections, source: `${id}, ${instanceClass}`, raise, grow }
}

function growAll(limits: readonly Limit[], needed: number): readonly Change[] | undefined {
  const all = limits.filter(({ connections }) => connections < needed).map(({ grow }) => grow(needed))
  const changes = all.flatMap((each) => each ?? [])
  if (all.includes(undefined)) return undefined
  // The instances of a serverless cluster all grow by the cluster's one figure.
  return [...new Map(changes.map((change) => [JSON.stringify(change), change])).values()]
}

function limitByAcus(database: string, cluster: Resource, deployment: Deployment): Limit {
  const { sources, wording } = deployment
  const { MinCapacity, MaxCapacity } = record(cluster.Properties.ServerlessV2ScalingConfiguration)
  const lowest = capacity(MinCapacity)
  const highest = capacity(MaxCapacity)
  const where = (key: string) =>
    [sources.fileOf(database), wording.property(database, `ServerlessV2ScalingConfiguration.${key}`)] as const
  const expected = `a number of ACUs (${overriding(deployment)})`
  if (lowest === undefined) throw unknownValue(...where('MinCapacity'), expected, MinCapacity)
  if (highest === undefined) throw unknownValue(...where('MaxCapacity'), expected, MaxCapacity)
  const connections = connectionsOfAcus(lowest, highest)
  if (connections === undefined) {
    throw unknownValue(
      ...where('MaxCapacity'),
      `half ACUs, at least 1, at least MinCapacity (${lowest}), at most 256`,
      MaxCapacity,
    )
  }
  return {
    connections,
    source: `${database}, ${lowest} to ${highest} ACUs`,
    raise(needed) {
      const enough = leastAcus(lowest, needed)
      if (enough !== undefined) return `${where('MaxCapacity').join(': ')} of ${enough} or more (now ${highest})`
      return `${where('MinCapacity').join(': ')} of 1 or more, as the database allows no more than ${connections} below that`
    },
    grow(needed) {
      const value = leastAcus(lowest, needed)
      const property = 'ServerlessV2ScalingConfiguration.MaxCapacity'
      return value === undefined ? undefined : [{ of: 'property', logicalId: database, property, value }]
    },
  }
}

function capacity(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** `max_connections` of a parameter group of the template; the instance's goes before the cluster's. */
function parameterOf(own: Resource, whole: Resource, deployment: Deployment): Limit | undefined {
  const { resources, sources, wording } = deployment
  const groups = [own.Properties.DBParameterGroupName, whole.Properties.DBClusterParameterGroupName]
  for (const id of groups.map(referenced)) {
    const value = id === undefined ? undefined : record(resources[id]?.Properties.Parameters).max_connections
    if (id === undefined || value === undefined) continue
    if (typeof value === 'string' && DEFAULT_FORMULA.test(value)) return undefined
    const connections = asCount(value)
    const key = wording.property(id, 'Parameters.max_connections')
    if (connections === undefined || connections === 0) {
      throw unknownValue(sources.fileOf(id), key, `a number (${overriding(deployment)})`, value)
    }
    const raise = (needed: number) => `${sources.fileOf(id)}: ${key} of ${needed} or more (now ${connections})`
    // What it takes is memory, which the template does not say.
    return { connections, source: `${id}, max_connections`, raise, grow: () => undefined }
  }
  return undefined
}

function overriding({ wording }: Deployment): string {
  return `or set ${wording.setting('maxConnections')}`
}
