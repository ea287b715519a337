/** What a plain statement begins with: those that can't open a transaction or change the session. Comments may stand before it. */
const PLAIN_START =
  /^(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*(select|insert|update|delete|merge|with|values|table|show)\b/i

/**
 * What can change the session, or wait in it, from inside of such a statement: settings, advisory locks, large objects, `setseed`,
 * other servers' sessions, and `SELECT … INTO` (an INSERT has its INTO where none of these can be).
 */
const TOUCHES_SESSION =
  /\b(?:set_config|pg_(?:try_)?advisory\w*|lo_\w+|setseed|dblink\w*)\s*\(|^\s*(?:select|with)\b[\s\S]*\binto\b/i

/** A comment between a name and its parenthesis. */
const HIDDEN_CALL = /(?:\*\/|--[^\n]*\n)\s*\(/

/** A semicolon with something behind it: perhaps several statements, perhaps one inside a string. Not worth finding out. */
const SEVERAL_STATEMENTS = /;\s*\S/

/** What writes or locks rows, anywhere in a statement that reads: perhaps a string or a column. Not worth finding out either. */
const WRITES_OR_LOCKS = /\b(?:insert|update|delete|merge|into|for\s+(?:no\s+key\s+|key\s+)?(?:update|share))\b/i

/** What the server reads as a time when it parses the text, and would go on with whenever that runs. */
const NAMES_A_TIME = /['$]\s*(?:now|today|tomorrow|yesterday)\b/i

/**
 * A word before a parenthesis: a function that is called, or a keyword. From the beginning of a word only, so that a long one is looked
 * through once.
 */
const CALLS = /(\.\s*)?(?<![\w$\u0080-\uffff])([\w$\u0080-\uffff]+)\s*\(/g

/** A name in quotes that is called; and a comment, which may stand between a name and its parenthesis. */
const QUOTED_CALL = /"\s*\(/
const COMMENT = /\/\*|--/

/**
 * What may stand before a parenthesis in a statement that certainly only reads: keywords, types, and functions of PostgreSQL that change
 * nothing. Any other function may be somebody's own that writes.
 */
const HARMLESS = new Set(
  (
    'select from where and or not in as on any all some exists values with over filter using union except intersect when then else by ' +
    'array row lateral within group distinct between limit offset fetch join case having is like ilike returning recursive materialized ' +
    'interval varchar char character numeric decimal timestamp timestamptz time bit float cast table unnest generate_series ' +
    'count sum avg min max bool_and bool_or every array_agg string_agg json_agg jsonb_agg json_object_agg jsonb_object_agg ' +
    'row_number rank dense_rank percent_rank ntile lag lead first_value last_value nth_value percentile_cont percentile_disc ' +
    'coalesce nullif greatest least abs ceil ceiling floor round trunc mod power sqrt sign random lower upper initcap length ' +
    'char_length octet_length substring substr left right trim btrim ltrim rtrim replace translate position strpos split_part concat ' +
    'concat_ws format repeat reverse lpad rpad md5 sha256 encode decode to_char to_date to_timestamp to_number date_trunc date_part ' +
    'extract age now clock_timestamp statement_timestamp make_date make_interval jsonb_build_object json_build_object ' +
    'jsonb_build_array json_build_array to_json to_jsonb row_to_json jsonb_array_elements jsonb_array_elements_text ' +
    'json_array_elements jsonb_each jsonb_each_text jsonb_array_length jsonb_typeof jsonb_path_query jsonb_extract_path_text ' +
    'jsonb_set jsonb_strip_nulls array_length cardinality array_position array_append array_to_string string_to_array regexp_replace ' +
    'regexp_match regexp_matches gen_random_uuid to_tsvector to_tsquery plainto_tsquery websearch_to_tsquery ts_rank ' +
    'version current_setting current_database pg_backend_pid pg_sleep txid_current pg_is_in_recovery exists'
  ).split(' '),
)

/** What can be said of a text without asking the server. */
interface Known {
  /** Whether it may run on a connection that runs others' queries at the same time. */
  readonly isShareable: boolean
  /** Whether it means the same however long ago it was parsed. */
  readonly isTimeless: boolean
  /** Whether it may run twice, and nobody could tell. */
  readonly isRead: boolean
  /** How long it took when it last ran behind nobody; unknown before. */
  speed: 'quick' | 'slow' | undefined
}

/** Programs run the same texts again and again; what is beyond these bounds is looked through each time. */
const known = new Map<string, Known>()
const LONGEST_KNOWN = 2048
const MOST_KNOWN = 1000

/** Longer texts are those of bulk loaders, and not worth a second look. */
const LONGEST_READ = 16_384

/** The last one that was too long to be remembered: several things are asked of each. */
let lastLong: { readonly text: string; readonly known: Known } | undefined

/** The fields of a query that decide how it may run. */
type Fields = Readonly<Record<string, unknown>>

/**
 * Whether a query may run on a connection that runs others' queries at the same time. Only what is known to be safe: one plain
 * statement that leaves transaction and session alone (what functions of your own do in it is not seen). Whatever needs the connection
 * for itself (cursors, streams, COPY, what may be cancelled by its signal), has a time limit of its own (pg would end the whole
 * connection) or is a named statement (a failed Parse would fail those behind it) runs alone.
 */
export function isShareable(query: unknown): boolean {
  if (typeof query === 'string') return about(query).isShareable
  if (typeof query !== 'object' || query === null) return false
  const { text, submit, name, rows, query_timeout: timeout, signal } = query as Fields
  if (submit !== undefined || name || rows || timeout || signal) return false
  return typeof text === 'string' && about(text).isShareable
}

/** Whether a query may be sent to a connection that may be dead, and sent again elsewhere: a plain read, or what its caller calls idempotent. */
export function mayRunTwice(query: unknown): boolean {
  if (typeof query === 'string') return about(query).isRead
  if (typeof query !== 'object' || query === null) return false
  const { text, submit, query_timeout: timeout, idempotent } = query as Fields
  if (submit !== undefined || timeout || typeof text !== 'string') return false
  return idempotent === true || about(text).isRead
}

/** Whether a query may be prepared: one plain statement with values, which says nothing itself of how it is to run. */
export function isPreparable(query: unknown, given: unknown): boolean {
  if (typeof query === 'string') return isFilled(given) && isPreparableText(query)
  if (typeof query !== 'object' || query === null) return false
  const {
    text,
    values,
    submit,
    name,
    rows,
    query_timeout: timeout,
    queryMode,
    binary,
    portal,
    prepare,
  } = query as Fields
  if (submit !== undefined || name || rows || timeout || queryMode || binary || portal || prepare === false)
    return false
  return typeof text === 'string' && isFilled(given ?? values) && isPreparableText(text)
}

function isPreparableText(text: string): boolean {
  const { isShareable, isTimeless } = about(text)
  return isShareable && isTimeless
}

/** Whether it is one plain statement, however it is to run: an error undoes all of it. */
export function isPlainStatement(query: unknown): boolean {
  if (typeof query === 'string') return about(query).isShareable
  const { text, submit } = Object(query) as Fields
  return submit === undefined && typeof text === 'string' && about(text).isShareable
}

/** Whether it is one that says nothing itself of how it is to run: such a one may leave with a BEGIN ahead of it. */
export function isSingleStatement(query: unknown): boolean {
  const { name, rows, query_timeout: timeout, binary, portal } = Object(query) as Fields
  return !(name || rows || timeout || binary || portal) && isPlainStatement(query)
}

/** Whether it was slow when it last ran. */
export function isKnownSlow(query: unknown): boolean {
  return known.get(textOf(query))?.speed === 'slow'
}

/** Whether it reads, and was quick when it last ran. */
export function isQuickRead(query: unknown): boolean {
  const found = known.get(textOf(query))
  return found?.speed === 'quick' && found.isRead
}

export function noteSpeed(query: unknown, isSlow: boolean): void {
  const found = known.get(textOf(query))
  if (found !== undefined) found.speed = isSlow ? 'slow' : 'quick'
}

function about(text: string): Known {
  const found = known.get(text)
  if (found !== undefined) return found
  if (text === lastLong?.text) return lastLong.known
  const start = PLAIN_START.exec(text)?.[1]?.toLowerCase()
  const isShareable =
    start !== undefined && !HIDDEN_CALL.test(text) && !SEVERAL_STATEMENTS.test(text) && !TOUCHES_SESSION.test(text)
  const mayRead = isShareable && text.length <= LONGEST_READ
  const isRead = mayRead && !WRITES_OR_LOCKS.test(text) && callsNothing(text)
  const it: Known = { isShareable, isTimeless: !NAMES_A_TIME.test(text), isRead, speed: undefined }
  if (text.length > LONGEST_KNOWN) {
    lastLong = { text, known: it }
    return it
  }
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(text, it)
  return it
}

/** Whether no function is called that may write. */
function callsNothing(text: string): boolean {
  if (QUOTED_CALL.test(text) || COMMENT.test(text.replace(PLAIN_START, ''))) return false
  for (const [, dot, name = ''] of text.matchAll(CALLS)) {
    // What stands in a schema may be anybody's.
    if (dot !== undefined || !HARMLESS.has(name.toLowerCase())) return false
  }
  return true
}

function isFilled(values: unknown): boolean {
  return Array.isArray(values) && values.length > 0
}

function textOf(query: unknown): string {
  return typeof query === 'string' ? query : (query as { readonly text: string }).text
}
