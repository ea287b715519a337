/** What a statement that may share its connection begins with: those that can't open a transaction or change the session. */
const SHAREABLE_START = /^\s*(?:select|insert|update|delete|merge|with|values|table|show)\b/i

/**
 * What can change the session, or wait in it, from inside of such a statement: settings, advisory locks, large objects, `setseed`,
 * other servers' sessions, and `SELECT … INTO` (an INSERT has its INTO where none of these can be).
 */
const TOUCHES_SESSION =
  /\b(?:set_config|pg_(?:try_)?advisory\w*|lo_\w+|setseed|dblink\w*)\s*\(|^\s*(?:select|with)\b[\s\S]*\binto\b/i

/** A semicolon with something behind it: perhaps several statements, perhaps one inside a string. Not worth finding out. */
const SEVERAL_STATEMENTS = /;\s*\S/

/**
 * Whether a query may run on a connection that runs others' queries at the same time. Only what is known to be safe: one plain
 * statement that leaves transaction and session alone (what functions of your own do in it is not seen). Whatever needs the connection
 * for itself (cursors, streams, COPY, what may be cancelled by its signal), has a time limit of its own (pg would end the whole
 * connection) or is a named statement (a failed Parse would fail those behind it) runs alone.
 */
export function isShareable(query: unknown): boolean {
  if (typeof query === 'string') return kindOf(query) !== 'alone'
  if (typeof query !== 'object' || query === null) return false
  const { text, submit, name, rows, query_timeout: timeout, signal } = query as Readonly<Record<string, unknown>>
  if (submit !== undefined || name || rows || timeout || signal) return false
  return typeof text === 'string' && kindOf(text) !== 'alone'
}

/** Whether it was slow when it last ran. */
export function isKnownSlow(query: unknown): boolean {
  return known.get(textOf(query)) === 'slow'
}

export function noteSpeed(query: unknown, isSlow: boolean): void {
  const text = textOf(query)
  if (known.has(text)) known.set(text, isSlow ? 'slow' : 'quick')
}

type Kind = 'alone' | 'quick' | 'slow'

/** Programs run the same texts again and again; what is beyond these bounds is looked through each time. */
const known = new Map<string, Kind>()
const LONGEST_KNOWN = 2048
const MOST_KNOWN = 1000

function kindOf(text: string): Kind {
  const found = known.get(text)
  if (found !== undefined) return found
  const isSafe = SHAREABLE_START.test(text) && !SEVERAL_STATEMENTS.test(text) && !TOUCHES_SESSION.test(text)
  const kind = isSafe ? 'quick' : 'alone'
  if (text.length > LONGEST_KNOWN) return kind
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(text, kind)
  return kind
}

function textOf(query: unknown): string {
  return typeof query === 'string' ? query : (query as { readonly text: string }).text
}
