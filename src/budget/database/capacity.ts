/**
 * What PostgreSQL on RDS and Aurora allows by default: `max_connections = LEAST({DBInstanceClassMemory/9531392}, 5000)`, where the
 * memory is what the system leaves of the class's own.
 */
const MOST = 5000
const BYTES_PER_CONNECTION = 9_531_392
const GIB = 2 ** 30

/** Aurora Serverless v2, AWS's own figures by the *highest* capacity. Between two of them the line is taken, rounded down. */
const BY_ACU = [
  [1, 189],
  [4, 823],
  [8, 1669],
  [16, 3360],
  [32, 5000],
] as const

/** The cap for clusters that may scale down to half a unit, or pause. */
const MOST_FROM_HALF_AN_ACU = 2000

/** GiB of memory per vCPU, by family. */
const GIB_PER_VCPU: readonly [pattern: RegExp, gib: number][] = [
  [/^c6gd$/, 2],
  [/^m(5d?|6gd?|6id?|6idn|6in|7g|7i|8gd?|8id?)$/, 4],
  [/^r(5[bd]?|6gd?|6id?|6idn|6in|7g|7i|8gd?|8id?)$/, 8],
  [/^z1d$/, 8],
  [/^x2(g|idn)$/, 16],
  [/^x2ie(dn|zn)$/, 32],
]

/** Burstable classes are not built by vCPU. */
const GIB_OF_BURSTABLE: Readonly<Record<string, number>> = {
  micro: 1,
  small: 2,
  medium: 4,
  large: 8,
  xlarge: 16,
  '2xlarge': 32,
}

/** Default `max_connections` of an instance class such as `db.r6g.large`; undefined for a class that nobody knows. */
export function connectionsOfClass(instanceClass: string): number | undefined {
  const gib = memoryOf(instanceClass)
  if (gib === undefined) return undefined
  // Fitted to db.t4g.medium 405, t4g.large 844, r6g.large 1722, r6g.xlarge 3479: what the system keeps grows with the memory.
  const kept = 34 + 2.86 * gib
  return Math.min(MOST, Math.floor((gib * GIB) / BYTES_PER_CONNECTION - kept))
}

/** Default `max_connections` of Aurora Serverless v2 between two capacities, in ACUs; undefined where the capacities can't be. */
export function connectionsOfAcus(lowest: number, highest: number): number | undefined {
  const areHalves = Number.isInteger(lowest * 2) && Number.isInteger(highest * 2)
  if (!areHalves || lowest < 0 || highest < 1 || highest > 256 || lowest > highest) return undefined
  const cap = lowest <= 0.5 ? MOST_FROM_HALF_AN_ACU : MOST
  let [fromAcus, fromConnections]: readonly [number, number] = BY_ACU[0]
  for (const [acus, connections] of BY_ACU) {
    if (highest <= acus) {
      const share = acus === fromAcus ? 0 : (highest - fromAcus) / (acus - fromAcus)
      return Math.min(cap, Math.floor(fromConnections + share * (connections - fromConnections)))
    }
    ;[fromAcus, fromConnections] = [acus, connections]
  }
  return Math.min(cap, fromConnections)
}

/** The lowest highest capacity, in ACUs, that allows so many sessions; undefined if none does. */
export function leastAcus(lowest: number, connections: number): number | undefined {
  for (let highest = Math.max(1, lowest); highest <= 256; highest += 0.5) {
    if ((connectionsOfAcus(lowest, highest) ?? 0) >= connections) return highest
  }
  return undefined
}

/** Sizes of instances, from the smallest on. */
const SIZES = ['micro', 'small', 'medium', 'large', 'xlarge', ...[2, 4, 8, 12, 16, 24, 32].map((n) => `${n}xlarge`)]

/** The smallest class of the same family that allows so many sessions; undefined if none does. */
export function leastClass(instanceClass: string, connections: number): string | undefined {
  const [prefix, family, size = ''] = instanceClass.split('.')
  const larger = SIZES.slice(SIZES.indexOf(size) + 1).map((each) => `${prefix}.${family}.${each}`)
  return larger.find((each) => (connectionsOfClass(each) ?? 0) >= connections)
}

function memoryOf(instanceClass: string): number | undefined {
  const [, family = '', size = ''] = /^db\.([a-z0-9]+)\.([a-z0-9]+)$/.exec(instanceClass) ?? []
  if (/^t(3|4g)$/.test(family)) return GIB_OF_BURSTABLE[size]
  const perVcpu = GIB_PER_VCPU.find(([pattern]) => pattern.test(family))?.[1]
  const vcpus = vcpusOf(size)
  return perVcpu === undefined || vcpus === undefined ? undefined : perVcpu * vcpus
}

function vcpusOf(size: string): number | undefined {
  if (size === 'medium') return 1
  if (size === 'large') return 2
  const [, multiple] = /^(\d{0,2})xlarge$/.exec(size) ?? []
  return multiple === undefined ? undefined : 4 * Number(multiple || 1)
}
