import { codeOf, textOf } from '../pool/errors.js'
import type { Observed, ObservedTls } from './attempt.js'
import type { Finding } from './finding.js'

/** What is wrong with a connection that could not be opened, by its code. */
const REFUSALS: readonly (readonly [RegExp, topic: string, advice: string])[] = [
  [/^08P01$/, 'sign-in', 'a pooler refuses it, which knows passwords and databases of its own'],
  [/^28P01$/, 'sign-in', 'the password is not that of the role'],
  [
    /^28\w{3}$/,
    'sign-in',
    'the server lets nobody in so: its `pg_hba.conf`, the role, or a database that resumes from a pause (`resumeMillis`)',
  ],
  [/^3D\w{3}$/, 'database', 'there is no database of that name'],
  [
    /^53300$/,
    'room',
    'the server is full, or the role has as many sessions as it may: close some, raise the limit, or lower `max`',
  ],
  [/^57P03$/, 'server', 'it is starting or stopping: try again'],
  [
    /^(ENOTFOUND|EAI_AGAIN|ERR_INVALID_URL)$/,
    'name',
    'no address for that name: is it right, and can it be resolved from here?',
  ],
  [/^ECONNREFUSED$/, 'reachable', 'nobody listens there: is the port right?'],
  [
    /^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN)$/,
    'reachable',
    'no way there: security groups, routes, or a public address that is none',
  ],
  [
    /CERT|^(UNABLE_TO_|SELF_|HOSTNAME_|ERR_TLS_)/,
    'TLS',
    "nobody that is trusted here vouches for the server: give its authority, `ssl: 'verify-full'` with `ca`",
  ],
]

/** What the opening of a connection showed: it was opened, or `error` says why not. */
export function openingFindings(observed: Observed, error: unknown, withinMillis: number): Finding[] {
  const findings: Finding[] = []
  const { host, address, lookupMillis } = observed
  if (address !== undefined)
    findings.push({ topic: 'name', severity: 'ok', found: `${host} is ${address}${took(lookupMillis)}` })
  if (observed.connectMillis !== undefined) {
    findings.push({
      topic: 'reachable',
      severity: 'ok',
      found: `${host}:${observed.port} answers${took(observed.connectMillis)}`,
    })
  }
  if (observed.tls !== undefined) findings.push(tlsFinding(observed.tls, observed.tlsMillis))
  if (observed.signInMillis !== undefined) findings.push(signInFinding(observed))
  if (error !== undefined) findings.push(failure(observed, error, withinMillis))
  else if (observed.tls === undefined) findings.push(plainFinding(host))
  return findings
}

function tlsFinding(
  { protocol, group, isVerified, issuer, validTo, roundTrips }: ObservedTls,
  millis: number | undefined,
): Finding {
  const parts = [
    protocol,
    group,
    `${roundTrips} round trips${took(millis)}`,
    issuer && `signed by ${issuer}`,
    validTo && `until ${validTo}`,
  ]
  const found = parts.filter(Boolean).join(', ')
  if (isVerified) return { topic: 'TLS', severity: 'ok', found: `${found}, verified` }
  const advice =
    "anybody on the way could be the server: `ssl: 'verify-full'`, with `ca` where its authority is not one that Node.js knows"
  return { topic: 'TLS', severity: 'warning', found: `${found}, not verified`, advice }
}

/** On this machine nobody is on the way. */
function isNear(host: string): boolean {
  return /^(localhost|127\.|::1$|\/)/.test(host) || host === ''
}

function plainFinding(host: string): Finding {
  if (isNear(host)) return { topic: 'TLS', severity: 'note', found: 'none, on this machine' }
  const advice = "whoever is on the way reads along: `ssl: 'verify-full'`"
  return { topic: 'TLS', severity: 'warning', found: 'none: what is sent is not encrypted', advice }
}

function signInFinding({ host, method, iterations, signInMillis, user, tls }: Observed): Finding {
  const how = {
    'scram-sha-256': `SCRAM-SHA-256, ${iterations} iterations`,
    md5: 'MD5',
    'clear text': 'password in clear text',
    nothing: 'no password asked for',
  }
  const found = `${user}: ${how[method ?? 'nothing']}${took(signInMillis)}`
  if (method === 'clear text' && tls === undefined && !isNear(host)) {
    return { topic: 'sign-in', severity: 'warning', found, advice: 'the password was sent as it is, without TLS' }
  }
  if (method === 'md5') {
    return {
      topic: 'sign-in',
      severity: 'note',
      found,
      advice: "MD5 goes with a coming version: `password_encryption = 'scram-sha-256'`, and set the password anew",
    }
  }
  return { topic: 'sign-in', severity: 'ok', found }
}

/** How far it came before nobody answered any more. */
function lateness({ readyMillis, signInMillis, connectMillis, address }: Observed) {
  if (readyMillis !== undefined) {
    const advice = 'a pooler in between has no free session at the server, or the server is busy'
    return { topic: 'server', step: 'got in, and', advice }
  }
  if (connectMillis !== undefined) {
    const step = signInMillis === undefined ? 'reached, but' : 'let in, but'
    return { topic: 'server', step, advice: 'is it PostgreSQL that listens there, and is it well?' }
  }
  const advice = 'packets are dropped on the way: security groups, routes'
  return { topic: 'reachable', step: address === undefined ? '' : 'found, but', advice }
}

/** Why it came no further. */
export function failure(observed: Observed, error: unknown, withinMillis: number): Finding {
  const { speaks, refusesTls, host, port } = observed
  const severity = 'error'
  if (speaks !== undefined) {
    const advice = 'this is no PostgreSQL: is the port right?'
    return { topic: 'server', severity, found: `${host}:${port} speaks ${speaks}`, advice }
  }
  if (refusesTls) {
    const advice = 'TLS is to be switched on there (`ssl = on`), or this is a port for something else'
    return { topic: 'TLS', severity, found: `${host}:${port} speaks no TLS`, advice }
  }
  const code = codeOf(error) ?? ''
  if (code === 'LATE') {
    const { topic, step, advice } = lateness(observed)
    return { topic, severity, found: `${step} nobody answered within ${withinMillis / 1000} s`.trim(), advice }
  }
  const text = textOf(error)
  const [topic, advice] = textRefusal(observed, text) ?? codeRefusal(code) ?? ['server']
  const found = `${text}${code === '' ? '' : ` (${code})`}`
  return { topic, severity, found, ...(advice !== undefined && { advice }) }
}

/** What no code tells apart. */
function textRefusal({ tls }: Observed, text: string): readonly [topic: string, advice: string] | undefined {
  // Of PostgreSQL's pg_hba.conf, of Neon, and of RDS Proxy.
  if (tls === undefined && /no encryption|insecure|requires? (TLS|SSL)/i.test(text)) {
    return ['TLS', "the server lets nobody in without: `ssl: 'verify-full'`"]
  }
  if (/password must be a (non-empty )?string/.test(text)) {
    return ['sign-in', 'the server asks for a password, and none was given: in the URL, or as PGPASSWORD']
  }
  if (/^Connection terminated|ECONNRESET|EPIPE/.test(text)) {
    const advice =
      'a proxy or load balancer with nobody behind it hangs up so, a port that wants TLS, or a server that ends'
    return ['server', advice]
  }
  return undefined
}

function codeRefusal(code: string): readonly [topic: string, advice: string] | undefined {
  const [, ...refusal] = REFUSALS.find(([pattern]) => pattern.test(code)) ?? []
  return refusal.length === 2 ? refusal : undefined
}

function took(millis: number | undefined): string {
  return millis === undefined ? '' : ` (${millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms)`
}
