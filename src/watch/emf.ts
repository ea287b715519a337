import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { InvocationReport, PoolReport } from '../lambda/invocation-report.js'
import { PoolOptionError } from '../pool/errors.js'

/** Options of {@link emf}. */
export interface EmfOptions {
  /** CloudWatch's namespace. Default `pg-thaw`. */
  readonly namespace?: string | undefined
  /** CloudWatch's dimensions: what the figures are told apart by. Default `{ FunctionName }` on Lambda, else none. */
  readonly dimensions?: Readonly<Record<string, string>> | undefined
  /** Whether each invocation has a line, or only one that waited, connected, or met something. Default false. */
  readonly always?: boolean | undefined
  /** Where a line goes. Default the process's standard output, from where Lambda takes it to CloudWatch. */
  readonly write?: ((line: string) => void) | undefined
}

type Unit = 'Count' | 'Milliseconds'

/** Names as CloudWatch shows them, units, and what they are of a report. */
const METRICS: readonly (readonly [name: string, unit: Unit, of: (report: PoolReport) => number])[] = [
  ['Acquires', 'Count', (it) => it.acquires],
  ['UseTime', 'Milliseconds', (it) => it.useMillis],
  ['Idle', 'Count', (it) => it.idle],
  ['Waits', 'Count', (it) => it.waits],
  ['WaitTime', 'Milliseconds', (it) => it.waitMillis],
  ['AcquireTimeouts', 'Count', (it) => it.acquireTimeouts],
  ['Connects', 'Count', (it) => it.dials],
  ['ConnectFailures', 'Count', (it) => it.dialFailures],
  ['ConnectTime', 'Milliseconds', (it) => it.dialMillis],
  ['Pings', 'Count', (it) => it.pings],
  ['DeadConnections', 'Count', (it) => (it.retired.invalid ?? 0) + (it.retired.broken ?? 0)],
  ['FaultyConnections', 'Count', (it) => it.retired.fault ?? 0],
  ['Resets', 'Count', (it) => it.resets],
  ['Unfinished', 'Count', (it) => it.unfinished],
]

/** What every invocation that uses a pool has. */
const USUAL: readonly string[] = ['Acquires', 'UseTime', 'Idle', 'Pings']

const MOST_DIMENSIONS = 30

/**
 * Has each invocation that had something to tell write one line in CloudWatch's Embedded Metric Format, of all its pools together:
 * CloudWatch makes metrics of it, with no call to AWS and no dependency. To be called at module scope, once.
 *
 * @example
 * ```ts
 * import { emf } from 'pg-thaw/emf'
 *
 * emf({ namespace: 'Orders' })
 * ```
 *
 * @returns what ends it.
 * @throws {PoolOptionError} for a namespace or dimensions that CloudWatch would drop.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function emf(options: EmfOptions = {}): () => void {
  const { namespace = 'pg-thaw', always = false } = options
  const { dimensions = functionName(), write = (line) => void process.stdout.write(`${line}\n`) } = options
  check('namespace', /^(?!AWS\/)[\w.\-/#: ]{1,255}$/.test(namespace), '1 to 255 letters, digits and `._-/#:`')
  const names = Object.keys(dimensions)
  check('dimensions', names.length <= MOST_DIMENSIONS, `${MOST_DIMENSIONS} at most`)
  for (const [name, value] of Object.entries(dimensions)) {
    const isOwn = METRICS.some(([metric]) => metric === name)
    const isName = /^(?!:)[\x21-\x7e][\x20-\x7e]{0,249}$/.test(name) && !isOwn
    check('dimensions', isName, `names of 1 to 250 ASCII characters that no metric has, not ${JSON.stringify(name)}`)
    check(
      'dimensions',
      /^[\x20-\x7e]{1,1024}$/.test(value),
      `values of 1 to 1024 ASCII characters, such as for ${name}`,
    )
  }
  const metrics = METRICS.map(([Name, Unit]) => ({ Name, Unit }))
  // What is the same in each line is written once.
  const directive = JSON.stringify([{ Namespace: namespace, Dimensions: [names], Metrics: metrics }])
  const own = names.length === 0 ? '' : `${JSON.stringify(dimensions).slice(1, -1)},`
  const tell = (message: unknown) => {
    const { requestId, isCold, gapMillis, pools } = message as InvocationReport
    let values = ''
    let isTold = always
    for (const [name, , of] of METRICS) {
      let sum = 0
      for (const pool of pools) sum += of(pool)
      values += `,"${name}":${sum}`
      isTold ||= sum !== 0 && !USUAL.includes(name)
    }
    if (!isTold) return
    try {
      const head = `"_aws":{"Timestamp":${Date.now()},"CloudWatchMetrics":${directive}}`
      const facts = `"RequestId":${JSON.stringify(requestId ?? null)},"IsCold":${isCold},"GapMillis":${gapMillis}`
      write(`{${head},${own}${facts}${values}}`)
    } catch {
      // Nobody could be told; the call goes on.
    }
  }
  subscribe('pg-thaw:invocation', tell)
  return () => void unsubscribe('pg-thaw:invocation', tell)
}

function functionName(): Record<string, string> {
  const name = process.env.AWS_LAMBDA_FUNCTION_NAME
  return name === undefined ? {} : { FunctionName: name }
}

function check(option: string, isRight: boolean, expected: string): void {
  if (!isRight) throw new PoolOptionError(option, `Expected \`${option}\` of \`emf\` to be ${expected}`)
}
