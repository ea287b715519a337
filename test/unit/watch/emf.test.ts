import { channel } from 'node:diagnostics_channel'
import Ajv from 'ajv'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { InvocationReport, PoolReport } from '../../../src/lambda/invocation-report'
import { emf } from '../../../src/watch/emf'

/** As published: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
const SCHEMA = {
  type: 'object',
  title: 'Root Node',
  required: ['_aws'],
  properties: {
    _aws: {
      type: 'object',
      title: 'Metadata',
      required: ['Timestamp', 'CloudWatchMetrics'],
      properties: {
        Timestamp: { type: 'integer', title: 'The Timestamp Schema', examples: [1565375354953] },
        CloudWatchMetrics: {
          type: 'array',
          title: 'MetricDirectives',
          items: {
            type: 'object',
            title: 'MetricDirective',
            required: ['Namespace', 'Dimensions', 'Metrics'],
            properties: {
              Namespace: {
                type: 'string',
                title: 'CloudWatch Metrics Namespace',
                examples: ['MyApp'],
                pattern: '^(.*)$',
                minLength: 1,
                maxLength: 1024,
              },
              Dimensions: {
                type: 'array',
                title: 'The Dimensions Schema',
                minItems: 1,
                items: {
                  type: 'array',
                  title: 'DimensionSet',
                  minItems: 0,
                  maxItems: 30,
                  items: {
                    type: 'string',
                    title: 'DimensionReference',
                    examples: ['Operation'],
                    pattern: '^(.*)$',
                    minLength: 1,
                    maxLength: 250,
                  },
                },
              },
              Metrics: {
                type: 'array',
                title: 'MetricDefinitions',
                items: {
                  type: 'object',
                  title: 'MetricDefinition',
                  required: ['Name'],
                  properties: {
                    Name: {
                      type: 'string',
                      title: 'MetricName',
                      examples: ['ProcessingLatency'],
                      pattern: '^(.*)$',
                      minLength: 1,
                      maxLength: 1024,
                    },
                    Unit: {
                      type: 'string',
                      title: 'MetricUnit',
                      examples: ['Milliseconds'],
                      pattern:
                        '^(Seconds|Microseconds|Milliseconds|Bytes|Kilobytes|Megabytes|Gigabytes|Terabytes|Bits|Kilobits|Megabits|Gigabits|Terabits|Percent|Count|Bytes\\/Second|Kilobytes\\/Second|Megabytes\\/Second|Gigabytes\\/Second|Terabytes\\/Second|Bits\\/Second|Kilobits\\/Second|Megabits\\/Second|Gigabits\\/Second|Terabits\\/Second|Count\\/Second|None)$',
                    },
                    StorageResolution: { type: 'integer', title: 'StorageResolution', examples: [60] },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
}

const validate = new Ajv({ strict: false }).compile(SCHEMA)

const QUIET: PoolReport = {
  pool: {},
  name: 'orders',
  idle: 1,
  acquires: 3,
  useMillis: 40,
  waits: 0,
  waitMillis: 0,
  acquireTimeouts: 0,
  dials: 0,
  dialFailures: 0,
  dialMillis: 0,
  pings: 1,
  resets: 0,
  unfinished: 0,
  retired: {},
}

function tell(...pools: Partial<PoolReport>[]): void {
  const report: InvocationReport = {
    requestId: 'a1',
    isCold: false,
    gapMillis: 1500,
    millis: 50,
    isShared: false,
    pools: pools.map((it) => ({ ...QUIET, ...it })),
  }
  channel('pg-thaw:invocation').publish(report)
}

let end = () => {}
afterEach(() => {
  end()
  vi.unstubAllEnvs()
})

function start(options: Parameters<typeof emf>[0] = {}): string[] {
  const lines: string[] = []
  end = emf({ write: (line) => void lines.push(line), ...options })
  return lines
}

describe('a line of the embedded metric format', () => {
  it('is as its schema says, with every metric that it declares, of all pools together', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'placeOrder')
    const lines = start({ namespace: 'Orders' })
    tell(
      { waits: 2, waitMillis: 12.5, retired: { invalid: 1, broken: 1, fault: 3 } },
      { waits: 1, dials: 1, dialMillis: 30 },
    )
    expect(lines).toHaveLength(1)
    const line = JSON.parse(lines[0] ?? '')
    expect(validate(line), JSON.stringify(validate.errors)).toBe(true)
    const [directive] = line._aws.CloudWatchMetrics
    expect(directive).toMatchObject({ Namespace: 'Orders', Dimensions: [['FunctionName']] })
    for (const { Name } of directive.Metrics) expect(line[Name], Name).toBeTypeOf('number')
    expect(line).toMatchObject({
      FunctionName: 'placeOrder',
      RequestId: 'a1',
      IsCold: false,
      GapMillis: 1500,
      Acquires: 6,
      UseTime: 80,
      Idle: 2,
      Waits: 3,
      WaitTime: 12.5,
      Connects: 1,
      ConnectTime: 30,
      DeadConnections: 2,
      FaultyConnections: 3,
      Unfinished: 0,
    })
  })

  it('comes from an invocation that had something to tell, or from each', () => {
    const some = start()
    tell({})
    tell({ unfinished: 1 })
    expect(some).toHaveLength(1)
    end()
    const all = start({ always: true })
    tell({})
    expect(all).toHaveLength(1)
    expect(some).toHaveLength(1)
  })

  it('goes to the standard output, whole', () => {
    const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
    try {
      end = emf({ always: true })
      tell({})
      expect(write).toHaveBeenCalledOnce()
      expect(write.mock.calls[0]?.[0]).toMatch(/^\{"_aws":.*\}\n$/)
    } finally {
      write.mockRestore()
    }
  })

  it('that can not be written harms nobody', () => {
    start({
      write() {
        throw new Error('EPIPE')
      },
    })
    expect(() => tell({ waits: 1 })).not.toThrow()
  })

  it.each([
    ['namespace', { namespace: '' }],
    ['namespace', { namespace: 'AWS/Lambda' }],
    ['namespace', { namespace: 'Orders?' }],
    ['dimensions', { dimensions: { '': 'a' } }],
    ['dimensions', { dimensions: { Service: '' } }],
    ['dimensions', { dimensions: { Waits: 'a' } }],
    ['dimensions', { dimensions: Object.fromEntries(Array.from({ length: 31 }, (_, n) => [`d${n}`, 'a'])) }],
  ])('is refused by the name of %s: %o', (option, options) => {
    expect(() => start(options)).toThrow(expect.objectContaining({ code: 'POOL_OPTION_INVALID', option }))
  })
})
