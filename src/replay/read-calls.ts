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
const DURATIONS = ['duration', 'durationms', 'durationmillis', 'millis', 'ms']
const FUNCTIONS = ['function', 'functionname', 'name', 'log', 'loggroup']

/** The line that Lambda writes at the end of each call (AWS: "Viewing CloudWatch logs for Lambda functions"). */
const REPORT = /^REPORT RequestId: .*?\sDuration: ([\d.]+) ms\s/

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
  const rows = text.pipe(parse({ bom: true, relaxColumnCount: true, skipEmptyLines: true, trim: true }))
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
  if (calls === 0) throw new CallsError(`Expected at least one call, got ${Math.max(0, row - 1)} rows without one`)
  for (const its of functions.values()) its.sort((one, other) => one.at - other.at)
  return { functions, calls, passedOver }
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
  const got = `got ${header.map((it) => `\`${it}\``).join(', ')}`
  if (time < 0) throw new CallsError(`Expected a column \`timestamp\`, ${got}`)
  if (duration < 0 && message < 0) throw new CallsError(`Expected a column \`duration\`, in ms, ${got}`)
  return { time, duration, message, name: find(FUNCTIONS), isEnd: header[time]?.startsWith('@') === true }
}

function callOf(fields: readonly string[], { time, duration, message, isEnd }: Columns, row: number): Call | undefined {
  const lasted = duration < 0 ? REPORT.exec(fields[message] ?? '')?.[1] : fields[duration]
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

function momentOf(text: string): number {
  const number = text === '' ? Number.NaN : Number(text)
  if (!Number.isNaN(number)) return number < LEAST_MILLIS ? number * 1000 : number
  return Date.parse(HAS_ZONE.test(text) || !/\d:\d/.test(text) ? text : `${text.replace(' ', 'T')}Z`)
}
