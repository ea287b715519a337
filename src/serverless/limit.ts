import { connectionsOfAcus, connectionsOfClass, leastAcus } from './capacity.js'
import { wrongValue } from './errors.js'
import { asCount, type Settings } from './settings.js'
import type { Sources } from './sources.js'
import { type Resource, type Resources, record, referenced } from './template.js'

/** What the database allows. */
export interface Limit {
  readonly connections: number
  /** Where the figure comes from, for the reader of the table. */
  readonly source: string
  /** What to change, if so many sessions are needed. */
  raise(needed: number): string
}

const INSTANCE = 'AWS::RDS::DBInstance'
const CLUSTER = 'AWS::RDS::DBCluster'
const OVERRIDE = 'or set custom.pgThaw.maxConnections'
/** RDS's and Aurora's own default, as a parameter group spells it. */
const DEFAULT_FORMULA = /^LEAST\(\{DBInstanceClassMemory\/9531392\},\s*5000\)$/

/**
 * Reads from the resources what the service's database allows; `custom.pgThaw.maxConnections` goes first.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` where that can't be known.
 */
export function readLimit(resources: Resources, settings: Settings, sources: Sources): Limit {
  if (settings.maxConnections !== undefined) {
    const key = 'custom.pgThaw.maxConnections'
    const raise = (needed: number) => `raise the database's max_connections, and ${key}, to ${needed}`
    return { connections: settings.maxConnections, source: key, raise }
  }
  const id = chooseDatabase(resources, settings, sources)
  const instances = resources[id]?.Type === INSTANCE ? [id] : instancesOf(id, resources)
  const limits = (instances.length > 0 ? instances : [id]).map((each) => limitOf(each, id, resources, sources))
  // Any instance of a cluster may become the writer.
  return limits.reduce((least, limit) => (limit.connections < least.connections ? limit : least))
}

function chooseDatabase(resources: Resources, { database }: Settings, sources: Sources): string {
  const clusters = Object.keys(resources).filter((id) => resources[id]?.Type === CLUSTER)
  const alone = Object.keys(resources).filter(
    (id) => resources[id]?.Type === INSTANCE && resources[id]?.Properties.DBClusterIdentifier === undefined,
  )
  const candidates = [...clusters, ...alone]
  const file = sources.configuration
  if (database !== undefined) {
    if (candidates.includes(database)) return database
    const named = candidates.length === 0 ? `the logical id of an ${CLUSTER} or ${INSTANCE}` : `one of ${candidates}`
    throw wrongValue(file, 'custom.pgThaw.database', named, database)
  }
  const [only, second] = candidates
  if (only === undefined) {
    const expected = `what the database allows, as no ${CLUSTER} or ${INSTANCE} of the service says it`
    throw wrongValue(file, 'custom.pgThaw.maxConnections', expected, undefined)
  }
  if (second === undefined) return only
  throw wrongValue(
    file,
    'custom.pgThaw.database',
    `one of ${candidates.join(', ')}: the service has several`,
    undefined,
  )
}

function instancesOf(cluster: string, resources: Resources): string[] {
  return Object.entries(resources)
    .filter(([, { Type, Properties }]) => Type === INSTANCE && referenced(Properties.DBClusterIdentifier) === cluster)
    .map(([id]) => id)
}

function limitOf(id: string, database: string, resources: Resources, sources: Sources): Limit {
  const at = (key: string, owner = id) => [sources.fileOf(owner), `Resources.${owner}.Properties.${key}`] as const
  const own = resources[id] as Resource
  const whole = resources[database] as Resource

  const engine = whole.Properties.Engine ?? own.Properties.Engine
  if (typeof engine === 'string' && !engine.includes('postgres')) {
    throw wrongValue(...at('Engine', database), 'a PostgreSQL engine', engine)
  }
  const set = parameterOf(own, whole, resources, sources)
  if (set !== undefined) return set

  const classKey = own.Type === CLUSTER ? 'DBClusterInstanceClass' : 'DBInstanceClass'
  const instanceClass = own.Properties[classKey]
  if (instanceClass === 'db.serverless') return limitByAcus(database, whole, at)
  const connections = typeof instanceClass === 'string' ? connectionsOfClass(instanceClass) : undefined
  if (connections === undefined) {
    throw wrongValue(...at(classKey), `a known instance class such as db.r6g.large (${OVERRIDE})`, instanceClass)
  }
  const raise = (needed: number) => `${at(classKey).join(': ')}: a class that allows ${needed} (now ${instanceClass})`
  return { connections, source: `${id}, ${instanceClass}`, raise }
}

type At = (key: string, owner?: string) => readonly [file: string, key: string]

function limitByAcus(database: string, cluster: Resource, at: At): Limit {
  const { MinCapacity, MaxCapacity } = record(cluster.Properties.ServerlessV2ScalingConfiguration)
  const lowest = capacity(MinCapacity)
  const highest = capacity(MaxCapacity)
  const where = (key: string) => at(`ServerlessV2ScalingConfiguration.${key}`, database)
  if (lowest === undefined) throw wrongValue(...where('MinCapacity'), `a number of ACUs (${OVERRIDE})`, MinCapacity)
  if (highest === undefined) throw wrongValue(...where('MaxCapacity'), `a number of ACUs (${OVERRIDE})`, MaxCapacity)
  const connections = connectionsOfAcus(lowest, highest)
  if (connections === undefined) {
    throw wrongValue(
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
  }
}

function capacity(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** `max_connections` of a parameter group of the template; the instance's goes before the cluster's. */
function parameterOf(own: Resource, whole: Resource, resources: Resources, sources: Sources): Limit | undefined {
  const groups = [own.Properties.DBParameterGroupName, whole.Properties.DBClusterParameterGroupName]
  for (const id of groups.map(referenced)) {
    const value = id === undefined ? undefined : record(resources[id]?.Properties.Parameters).max_connections
    if (id === undefined || value === undefined) continue
    if (typeof value === 'string' && DEFAULT_FORMULA.test(value)) return undefined
    const connections = asCount(value)
    const key = `Resources.${id}.Properties.Parameters.max_connections`
    if (connections === undefined || connections === 0) {
      throw wrongValue(sources.fileOf(id), key, `a number (${OVERRIDE})`, value)
    }
    const raise = (needed: number) => `${sources.fileOf(id)}: ${key} of ${needed} or more (now ${connections})`
    return { connections, source: `${id}, max_connections`, raise }
  }
  return undefined
}
