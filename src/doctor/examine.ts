import type { Client } from 'pg'
import { codeOf } from '../pool/errors.js'
import { type Address, addressIn } from '../postgres/connection/opening/address.js'
import { REFUSED, type Startup } from '../postgres/connection/opening/limits.js'
import type { Target } from '../postgres/connection/opening/profile.js'
import { recognise } from '../postgres/connection/opening/recognise.js'
import type { PoolOptions } from '../postgres/options/options.js'
import { readOptions } from '../postgres/options/stock-values.js'
import { type Attempt, attempt, bounded, type Observed } from './attempt.js'
import { type Finding, type Severity, worstOf } from './finding.js'
import { failure, openingFindings } from './opening-findings.js'
import { roundTripMillis, type SessionGroup, serverFacts, sessionsNow, takesLimits } from './server-facts.js'
import { leaseFinding, roomFindings, serverFindings, targetFinding } from './server-findings.js'

/** What was found. */
export interface Examination {
  readonly severity: Severity
  readonly findings: readonly Finding[]
  /** Options of `createPool` that would be right, as they are written in code. */
  readonly options: Readonly<Record<string, string>>
  readonly observed: Observed
}

/** What is waited for, and what is too long; ms. */
export interface Patience {
  /** For an answer. */
  readonly withinMillis: number
  /** After which an idle session looks like that of an environment that vanished: longer than any lease. */
  readonly leftAfterMillis: number
}

/** Connects as a function would, looks, and leaves everything as it is. */
export async function examine(given: PoolOptions, { withinMillis, leftAfterMillis }: Patience): Promise<Examination> {
  const pool = readOptions(given)
  const address = addressIn(pool)
  const { opened, refused } = await open(address, pool, withinMillis)
  const findings = openingFindings(opened.observed, opened.error, withinMillis)
  const byName = recognise(pool)
  if (opened.client === undefined) return examination(findings, opened.observed, byName ?? 'direct')
  let target: Target = byName ?? 'direct'
  try {
    const { client } = opened
    const within = <T>(work: Promise<T>) => bounded(client, work, withinMillis)
    const roundTrip = await within(roundTripMillis(client))
    const facts = await within(serverFacts(client))
    // As a pool takes it: refused by a pooler, or kept by one for itself.
    const isShared = refused === 'pooled' || (refused === undefined && !facts.isMarked)
    if (byName === undefined && isShared) target = 'pgbouncer'
    findings.push(...serverFindings(facts, target, roundTrip), targetFinding(target, byName !== undefined))
    if (target === 'direct') findings.push(leaseFinding(facts, await within(takesLimits(client))))
    findings.push(...roomFindings(facts, ...(await within(visible(client, leftAfterMillis))), leftAfterMillis))
  } catch (error) {
    findings.push(failure(opened.observed, error, withinMillis))
  } finally {
    await bounded(opened.client, opened.client.end(), withinMillis).catch(() => {})
  }
  return examination(findings, opened.observed, target)
}

interface Opened {
  readonly opened: Attempt
  /** How it began where the mark of a session of its own was refused. */
  readonly refused: Startup | undefined
}

/** The hosts in their order, each as a pool would: with a session of its own, and where that is refused without. */
async function open({ hosts, ...rest }: Address, pool: PoolOptions, withinMillis: number): Promise<Opened> {
  const address = { hosts, ...rest }
  let last: Opened | undefined
  for (const host of hosts) {
    const opened = await attempt(host, address, { pool, withinMillis, isMarked: true })
    const refused = REFUSED[codeOf(opened.error) ?? '']
    if (refused === undefined) last = { opened, refused: undefined }
    else {
      const plain = await attempt(host, address, { pool, withinMillis, isMarked: false })
      last = { opened: plain, refused: plain.client && refused }
    }
    if (last.opened.client !== undefined) return last
  }
  if (last === undefined) throw new Error('bug: options lead to no host')
  return last
}

/** The sessions that the role may look at, and how many others there are. */
async function visible(client: Client, leftAfterMillis: number): Promise<[groups: SessionGroup[], hidden: number]> {
  const all = await sessionsNow(client, leftAfterMillis)
  const groups = all.flatMap((it) => (it.state === null ? [] : [{ ...it, state: it.state }]))
  return [groups, all.reduce((sum, { state, count }) => (state === null ? sum + count : sum), 0)]
}

function examination(findings: readonly Finding[], observed: Observed, target: Target): Examination {
  const options: Record<string, string> = {}
  const isTlsWrong = findings.some(({ topic, severity }) => topic === 'TLS' && severity !== 'ok' && severity !== 'note')
  if (isTlsWrong) options.ssl = "'verify-full'"
  if (target !== 'direct') options.target = `'${target}'`
  if (findings.some(({ topic }) => topic === 'pause')) options.resumeMillis = '30_000'
  return { severity: worstOf(findings), findings, options, observed }
}
