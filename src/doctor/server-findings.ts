import type { Target } from '../postgres/connection/opening/profile.js'
import type { Finding } from './finding.js'
import type { ServerFacts, SessionGroup } from './server-facts.js'

/** Before it, sessions have no lease. */
const HAS_IDLE_SESSION_TIMEOUT = 140_000
/** A clock that is further off than this spoils signatures and logs, ms. */
const FAR_OFF_MILLIS = 30_000
/** So few free connections that the next burst fails. */
const SCARCE = 0.2

/** What the server said of itself. */
export function serverFindings(facts: ServerFacts, target: Target, roundTripMillis: number): Finding[] {
  const { version, isStandby, isReadOnly, clockAheadMillis } = facts
  const [name = version] = version.split(' on ')
  const role = isStandby ? ', a standby' : isReadOnly ? ', read-only' : ''
  const findings: Finding[] = [
    {
      topic: 'server',
      severity: isReadOnly ? 'note' : 'ok',
      found: `${name}${role}, answers in ${roundTripMillis.toFixed(1)} ms`,
    },
  ]
  if (facts.isAurora) {
    const advice =
      'a cluster that may scale to 0 ACUs pauses, and takes 15 s to be back: `resumeMillis: 30000`, `min: 0`'
    findings.push({
      topic: 'pause',
      severity: 'note',
      found: 'Aurora: whether it may pause is set outside of the database',
      advice,
    })
  }
  if (Math.abs(clockAheadMillis) > FAR_OFF_MILLIS) {
    const found = `the server's is ${Math.abs(clockAheadMillis) / 1000} s ${clockAheadMillis > 0 ? 'ahead' : 'behind'}`
    findings.push({
      topic: 'clock',
      severity: 'warning',
      found,
      advice: 'one of the two is wrong: signatures of AWS are refused from 5 minutes on',
    })
  } else
    findings.push({ topic: 'clock', severity: 'ok', found: `the server's differs by ${Math.abs(clockAheadMillis)} ms` })
  if (target === 'direct' && facts.keepalivesIdleSeconds !== null)
    findings.push(keepalives(facts.keepalivesIdleSeconds))
  return findings
}

function keepalives(seconds: number): Finding {
  const found = seconds === 0 ? "the system's default" : `after ${seconds} s of silence`
  return { topic: 'keepalives', severity: 'ok', found }
}

/** What stands in between, as far as it shows. */
export function targetFinding(target: Target, isByName: boolean): Finding {
  const topic = 'in between'
  if (target === 'direct') return { topic, severity: 'ok', found: "nothing: sessions are the client's own" }
  const advice = `say so: \`target: '${target}'\``
  // A pool knows the one by itself from the start, the other only once it has connected.
  if (isByName) return { topic, severity: 'note', found: `${target}, by the host's name`, advice }
  return { topic, severity: 'warning', found: `${target}, by what became of a startup option`, advice }
}

/** Whether sessions of vanished environments end by themselves. */
export function leaseFinding(
  { versionNumber, idleSessionMillis, statementMillis }: ServerFacts,
  isTaken: boolean,
): Finding {
  if (versionNumber < HAS_IDLE_SESSION_TIMEOUT) {
    const advice =
      "sessions of environments that vanish stay until keepalives end them: `import 'pg-thaw/goodbye'`, and upgrade to 14"
    return { topic: 'lease', severity: 'warning', found: 'PostgreSQL before 14 has no idle_session_timeout', advice }
  }
  if (!isTaken)
    return { topic: 'lease', severity: 'warning', found: 'the server does not take the timeouts that a pool asks for' }
  const own = [
    idleSessionMillis && `idle_session_timeout ${idleSessionMillis} ms`,
    statementMillis && `statement_timeout ${statementMillis} ms`,
  ].filter(Boolean)
  const found = `taken: idle sessions end by themselves${own.length > 0 ? `; the role or the database has ${own.join(', ')}` : ''}`
  const isShort = Boolean(idleSessionMillis && idleSessionMillis < 15_000)
  if (!isShort) return { topic: 'lease', severity: 'ok', found }
  return {
    topic: 'lease',
    severity: 'note',
    found,
    advice: `sessions end before most next calls come: say it to the pool too, \`leaseMillis: ${idleSessionMillis}\``,
  }
}

/** How many more sessions there is room for, and who has those that there are. */
export function roomFindings(
  facts: ServerFacts,
  groups: readonly SessionGroup[],
  hidden: number,
  leftAfterMillis: number,
): Finding[] {
  const { maxConnections, reservedConnections, roleLimit, databaseLimit, isSuperuser } = facts
  const findings: Finding[] = []
  const now = groups.reduce((sum, { count }) => sum + count, hidden) + 1
  if (maxConnections !== null) {
    const most = maxConnections - (isSuperuser ? 0 : reservedConnections)
    // What a superuser is limited to besides, nobody looks at.
    const limits = isSuperuser
      ? []
      : [
          { of: 'the role', used: facts.roleSessions, limit: roleLimit },
          { of: 'the database', used: facts.databaseSessions, limit: databaseLimit },
        ].flatMap(({ limit, ...rest }) => (limit === null ? [] : [{ ...rest, limit }]))
    const told = limits.map(({ of, used, limit }) => `; of ${of} ${used} of ${limit}`)
    const found = `${now} of ${most} sessions (max_connections ${maxConnections}, ${reservedConnections} of them reserved)${told.join('')}`
    const isScarce = [{ used: now, limit: most }, ...limits].some(({ used, limit }) => limit - used <= limit * SCARCE)
    const advice = 'a burst would not fit: `max: 1` where a call needs no more, and a reserved concurrency'
    findings.push({ topic: 'room', severity: isScarce ? 'warning' : 'ok', found, ...(isScarce && { advice }) })
  }
  const told = groups.slice(0, MOST_GROUPS).map(({ name, state, count }) => `${name} ${count} ${state}`)
  if (groups.length > MOST_GROUPS) told.push(`${groups.length - MOST_GROUPS} more`)
  if (hidden > 0) told.push(`${hidden} of other roles, which this one may not look at (pg_read_all_stats)`)
  findings.push({ topic: 'sessions', severity: 'ok', found: told.length > 0 ? told.join(', ') : 'no other' })
  const leftovers = groups.filter((it) => it.leftovers > 0)
  if (leftovers.length > 0) {
    const found = leftovers.map(({ name, leftovers }) => `${leftovers} of ${name}`).join(', ')
    const advice =
      'they look like those of environments that vanished: a lease ends such sessions, and the shutdown extension those of environments that are told'
    findings.push({
      topic: 'leftovers',
      severity: 'warning',
      found: `idle for more than ${leftAfterMillis / 1000} s: ${found}`,
      advice,
    })
  }
  return findings
}

const MOST_GROUPS = 8
