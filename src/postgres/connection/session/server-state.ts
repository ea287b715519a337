import type { TargetSessionAttrs } from '../opening/hosts.js'
import type { PgClient } from '../pg-client.js'

const REPORTED = Symbol('pg-thaw.reported')

/** What the server reports of itself without being asked, from PostgreSQL 14 on. */
type Reported = Partial<Record<'default_transaction_read_only' | 'in_hot_standby', string>>

type Reporting = PgClient & { [REPORTED]?: Reported }

/** Takes note of what the server reports, while it lets a client in and later: to be called before that. */
export function noteReports(client: PgClient): void {
  const reported: Record<string, string> = {}
  ;(client as Reporting)[REPORTED] = reported
  client.connection?.on?.('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
    reported[message.parameterName] = message.parameterValue
  })
}

/** Whether the server says that it takes writes: then a transaction was read-only by its own wish. */
export function isWritable(client: PgClient): boolean {
  const state = reportedBy(client)
  return state !== undefined && !state.isStandby && !state.isReadOnly
}

interface State {
  readonly isStandby: boolean
  readonly isReadOnly: boolean
}

function reportedBy(client: PgClient): State | undefined {
  const { default_transaction_read_only: readOnly, in_hot_standby: standby } = (client as Reporting)[REPORTED] ?? {}
  if (readOnly === undefined || standby === undefined) return undefined
  return { isStandby: standby === 'on', isReadOnly: readOnly === 'on' }
}

const QUESTION =
  "SELECT pg_catalog.pg_is_in_recovery() AS standby, pg_catalog.current_setting('transaction_read_only') AS read_only"

/** Asks for what an older server does not report, and a pooler not truly. */
function asked(client: PgClient): Promise<State> {
  return new Promise((resolve, reject) => {
    client.query(QUESTION, (error: Error | null, result: { rows: { standby: boolean; read_only: string }[] }) => {
      const [row] = error ? [] : result.rows
      if (row === undefined) reject(error ?? new Error('no answer'))
      else resolve({ isStandby: row.standby, isReadOnly: row.read_only === 'on' })
    })
  })
}

/**
 * Why the server of a client that is connected is not what was wished for; nothing where it is. A pooler reports what it once heard, perhaps
 * before a failover: so where the session is not the client's own, its server is asked.
 */
export async function whyUnfit(
  client: PgClient,
  wish: TargetSessionAttrs,
  ownsSession: boolean,
): Promise<string | undefined> {
  if (wish === 'any') return undefined
  const { isStandby, isReadOnly } = (ownsSession ? reportedBy(client) : undefined) ?? (await asked(client))
  const takesWrites = !isStandby && !isReadOnly
  if (wish === 'primary') return isStandby ? 'is a standby' : undefined
  if (wish === 'read-write') return takesWrites ? undefined : 'takes no writes'
  if (wish === 'read-only') return takesWrites ? 'takes writes' : undefined
  return isStandby ? undefined : 'is no standby'
}
