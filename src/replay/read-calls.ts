import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import type { Call } from './environments.js'

/** What was to be replayed is no record of calls: one line that says which row, and what was expected there. */
export class CallsError extends Error {
  override readonly name = 'CallsError'
  readonly code = 'REPLAY_CALLS'
}

/** A record of calls. */
export interface Recorded {
  /** By the name of their function, each in the order in which they came. */
  readonly functions: ReadonlyMap<string, readonly Call[]>
  readonly calls: number
  /** Rows that record no call: other lines of a log. */
  readonly passedOver: number
}

/** Names of columns, as they are compared: small letters and figures. */
const TIMES = ['timestamp', 'time', 'at', 'start', 'starttime', 'date']
const DURATIONS = ['duration', 'durationms', 'durationmillis', 'millis', 'ms', 'recordmetricsdurationms']
const FUNCTIONS = ['function', 'functionname', 'name', 'log', 'loggroup']

/** The line that Lambda writes at the end of each call (AWS: "Viewing CloudWatch logs for Lambda functions"), as text and as JSON. */
const REPORT =
  /^REPORT RequestId: .*?\sDuration: ([\d.]+) ms\s|^\{.*"type":\s*"platform\.report".*?"durationMs":\s*([\d.]+)/s

/** Moments before this would be in 1973 as ms: they are s. */
const LEAST_MILLIS = 1e11
/** Moments after this would be after 2100 as ms: they are µs or ns. */
const MOST_MILLIS = 4.1e12

/** A moment that says no zone is UTC's, as in CloudWatch Logs Insights. */
const HAS_ZONE = /(z|[+-]\d\d:?\d\d)$/i

/**
 * Reads a record of calls from CSV: a row for each call, with columns for its time (ISO 8601, or s or ms since 1970) and its duration (ms), and
 * one for its function if there are several. Or CloudWatch Logs Insights' export of REPORT lines, with `@timestamp` and `@message` or `@duration`.
 *
 * @throws {CallsError} where it is none.
 */
export async function readCalls(text: Readable): Promise<Recorded> {
  const functions = new Map<string, Call[]>()
  let columns: Columns | undefined
  let [row, calls, passedOver] = [0, 0, 0]
  const delimiter = delimiterOf(await firstLine(text))
  const rows = text.pipe(parse({ bom: true, delimiter, relaxColumnCount: true, skipEmptyLines: true, trim: true }))
  text.on('error', (error) => rows.destroy(error))
  try {
    for await (const fields of rows as AsyncIterable<string[]>) {
      row += 1
      if (columns === undefined) {
        columns = columnsOf(fields)
        continue
      }
      const call = callOf(fields, columns, row)
      if (call === undefined) {
        passedOver += 1
        continue
      }
      const name = fields[columns.name] ?? ''
      const its = functions.get(name)
      if (its === undefined) functions.set(name, [call])
      else its.push(call)
      calls += 1
    }
  } catch (error) {
    // Whose text may quote anything.
    if (error instanceof CsvError) throw new CallsError(`Expected CSV, got something else (${error.code})`)
    throw error
  }
  if (calls === 0) throw new CallsError(`Expected at least one call, got ${withoutCalls(row)}`)
  for (const its of functions.values()) its.sort((one, other) => one.at - other.at)
  return { functions, calls, passedOver }
}

/** The first line, as far as it has come; it stays to be read. */
async function firstLine(text: Readable): Promise<string> {
  await once(text, 'readable')
  const chunk: Buffer | string | null = text.read()
  if (chunk === null) return ''
  text.unshift(chunk)
  return chunk.toString().split(/[\r\n]/, 1)[0] ?? ''
}

/** What stands between columns: a comma, or what spreadsheets put in its place. */
function delimiterOf(header: string): string {
  return [',', ';', '\t'].find((it) => header.includes(it)) ?? ','
}

function withoutCalls(rows: number): string {
  if (rows === 0) return 'nothing'
  if (rows === 1) return 'the names of columns and no row'
  return rows === 2 ? '1 row that is none' : `${rows - 1} rows that are none`
}

interface Columns {
  readonly time: number
  /** -1 where the message has it. */
  readonly duration: number
  readonly message: number
  readonly name: number
  /** Whether the time is that of the end: of a line in a log. */
  readonly isEnd: boolean
}

function columnsOf(header: readonly string[]): Columns {
  const names = header.map((it) => it.toLowerCase().replace(/[^a-z0-9]/g, ''))
  const find = (known: readonly string[]) => names.findIndex((it) => known.includes(it))
  const [time, duration, message] = [find(TIMES), find(DURATIONS), find(['message'])]
  const got = `got ${shown(header)}`
  if (time < 0) throw new CallsError(`Expected a column \`timestamp\` in the first row, ${got}`)
  if (duration < 0 && message < 0) {
    throw new CallsError(`Expected a column \`duration\`, in ms, in the first row, ${got}`)
  }
  return { time, duration, message, name: find(FUNCTIONS), isEnd: header[time]?.startsWith('@') === true }
}

/** What can be the name of a column. All else may be anything, such as the password in a file that is no record. */
function shown(header: readonly string[]): string {
  const names = header
    .slice(0, MOST_SHOWN)
    .map((it) => (/^@?[\p{L}_][\p{L}\d _()-]{0,39}$/u.test(it) ? `\`${it}\`` : '…'))
  return `${names.join(', ')}${header.length > MOST_SHOWN ? ', …' : ''}`
}

const MOST_SHOWN = 8

function callOf(fields: readonly string[], { time, duration, message, isEnd }: Columns, row: number): Call | undefined {
  const lasted = duration < 0 ? reported(fields[message] ?? '') : fields[duration]
  // Insights leaves out the duration of lines that are no reports.
  if (lasted === undefined || (isEnd && lasted === '')) return undefined
  const millis = Number(lasted)
  if (lasted === '' || !(millis >= 0 && millis < Infinity)) {
    throw new CallsError(`Expected the duration in row ${row} to be a number of ms, 0 or more, got '${lasted}'`)
  }
  const at = momentOf(fields[time] ?? '')
  if (!(at >= 0 && at <= MOST_MILLIS)) {
    throw new CallsError(`Expected the time in row ${row} to be ISO 8601, or s or ms since 1970, got '${fields[time]}'`)
  }
  return { at: isEnd ? at - millis : at, millis }
}

function reported(line: string): string | undefined {
  const [, ofText, ofJson] = REPORT.exec(line) ?? []
  return ofText ?? ofJson
}

function momentOf(text: string): number {
  const number = text === '' ? Number.NaN : Number(text)
  if (!Number.isNaN(number)) return number < LEAST_MILLIS ? number * 1000 : number
  return Date.parse(HAS_ZONE.test(text) || !/\d:\d/.test(text) ? text : `${text.replace(' ', 'T')}Z`)
}
