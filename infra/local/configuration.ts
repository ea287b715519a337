import { readFileSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { parse } from 'yaml'
import type { FunctionFacts } from '../../src/local/watch/fleet'

/** What serverless.yml says of one function. */
export interface FunctionConfiguration extends FunctionFacts {
  /** Name of its bundle, without the extension. */
  readonly bundle: string
  readonly timeoutMillis: number
  /** Most sessions of one environment. */
  readonly max: number
  /** Connections that its pool keeps through a freeze. */
  readonly min: number
  readonly routes: readonly Route[]
  /** How many messages it takes at once, if it has a queue. */
  readonly batchSize: number | undefined
}

/** A route of the HTTP API. */
export interface Route {
  readonly method: string
  /** With parameters, such as `/orders/{id}`. */
  readonly path: string
}

/** As far as it is read here. A `!Ref` and its kin are texts like any other. */
interface ServerlessFile {
  readonly params: Readonly<Record<'default' | 'local', Readonly<Record<string, unknown>>>>
  readonly provider: { readonly timeout: number }
  readonly custom: {
    readonly pgThaw: {
      readonly min: unknown
      readonly functions: Readonly<Record<string, { readonly max: number; readonly min?: unknown }>>
    }
  }
  readonly functions: Readonly<Record<string, ServerlessFunction>>
}

interface ServerlessFunction {
  readonly handler: string
  readonly timeout?: number
  readonly reservedConcurrency: unknown
  readonly events?: readonly { readonly httpApi?: Route; readonly sqs?: { readonly batchSize: number } }[]
}

/** Reads the functions of stage `local`: what runs here is configured where the deployment is. */
export function readConfiguration(file: string): FunctionConfiguration[] {
  const { params, provider, custom, functions } = parse(readFileSync(file, 'utf8'), {
    logLevel: 'error',
  }) as ServerlessFile
  const number = (value: unknown): number => {
    const [, parameter] = /^\$\{param:(\w+)\}$/.exec(String(value)) ?? []
    const known = parameter === undefined ? value : (params.local[parameter] ?? params.default[parameter])
    if (typeof known !== 'number') throw new Error(`${file}: expected a number, got ${String(value)}`)
    return known
  }
  return Object.entries(functions).map(([name, { handler, timeout, reservedConcurrency, events = [] }]) => {
    const { max, min } = custom.pgThaw.functions[name] ?? { max: undefined }
    return {
      name,
      bundle: basename(handler, extname(handler)),
      timeoutMillis: 1000 * (timeout ?? provider.timeout),
      concurrency: number(reservedConcurrency),
      max: number(max),
      min: number(min ?? custom.pgThaw.min),
      routes: events.flatMap(({ httpApi }) => (httpApi === undefined ? [] : [httpApi])),
      batchSize: events.find(({ sqs }) => sqs !== undefined)?.sqs?.batchSize,
    }
  })
}
