import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { LambdaFunctionURLEvent } from 'aws-lambda'
import { type LocalLambda, startLambda } from 'pg-thaw/testing'
import { nodeOfMajor } from '../../../scripts/node-major'
import type { Deployable } from './deployable'

/** Where Lambda puts the files of a function. */
const TASK_ROOT = '/var/task'

/** A function as it would be on Lambda: its files and no others, the variables of its template, the Node.js that this names. */
export class DeployedFunction {
  readonly lambda: LocalLambda
  readonly printed: string[]
  readonly #root: string

  private constructor(lambda: LocalLambda, printed: string[], root: string) {
    this.lambda = lambda
    this.printed = printed
    this.#root = root
  }

  /** What only its tool or AWS knows comes from `known`; sessions outlive a process that ends without a word, as they do there. */
  static async start(
    built: Deployable,
    database: { host: string; port: number },
    known: Record<string, string>,
  ): Promise<DeployedFunction> {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'pg-thaw-deployed-')))
    const task = join(root, 'task')
    cpSync(built.folder, task, { recursive: true })
    // The SDK that Lambda's Node.js brings.
    mkdirSync(join(root, 'node_modules'))
    symlinkSync(resolve('node_modules', '@aws-sdk'), join(root, 'node_modules', '@aws-sdk'))
    const variables = Object.entries(built.variables).filter((entry): entry is [string, string] => {
      const [, value] = entry
      return typeof value === 'string'
    })
    const own = variables.map(([name, value]) => [name, value.replaceAll(TASK_ROOT, task)])
    const [, path = '', exportName = ''] = /^(.+)\.(\w+)$/.exec(built.handler) ?? []
    const printed: string[] = []
    const lambda = await startLambda({
      module: moduleOf(join(task, path)),
      exportName,
      nodePath: nodeOfMajor(Number(/^nodejs(\d+)\.x$/.exec(built.runtime)?.[1])),
      timeoutMillis: built.timeoutSeconds * 1000,
      database,
      env: { ...Object.fromEntries(own), ...known },
      onLog: ({ text }) => printed.push(text),
    })
    return new DeployedFunction(lambda, printed, root)
  }

  async get(customer: string): Promise<unknown> {
    return this.#answerTo({ ...request('GET'), queryStringParameters: { customer } })
  }

  async post(body: string): Promise<unknown> {
    return this.#answerTo({ ...request('POST'), body })
  }

  async close(): Promise<void> {
    await this.lambda.close()
    rmSync(this.#root, { recursive: true, force: true })
  }

  /** Status and body, as a caller of its URL sees them. */
  async #answerTo(event: Partial<LambdaFunctionURLEvent>): Promise<unknown> {
    const { outcome, response, error } = await this.lambda.invoke(event)
    if (outcome !== 'response') throw new Error(`${outcome}: ${JSON.stringify(error)}\n${this.printed.join('\n')}`)
    const { statusCode, body } = response as { statusCode: number; body: string }
    return { status: statusCode, body: JSON.parse(body) }
  }
}

function request(method: string): Partial<LambdaFunctionURLEvent> {
  const requestContext = { http: { method } } as LambdaFunctionURLEvent['requestContext']
  return { version: '2.0', requestContext, isBase64Encoded: false }
}

function moduleOf(path: string): string {
  const found = ['.js', '.mjs', '.cjs'].map((extension) => `${path}${extension}`).find((file) => existsSync(file))
  if (found === undefined) throw new Error(`there is no module ${path}`)
  return found
}
