import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type InvocationRecord, type LocalLambda, type LocalLambdaOptions, startLambda } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { noAwsVariables, useEnvironmentVariables } from '../support/environment-variables'
import { RotatingRoles } from '../support/rotating-roles'
import { SecretsExtensionDouble } from '../support/secrets-extension'
import { SecretsManagerDouble } from '../support/secrets-manager'
import { startTlsServer, type TlsServer } from '../support/tls-server'
import type { SignedIn } from './functions/rotating'

const set = useEnvironmentVariables()
const secretId = 'orders/database'
const rotations = 20
/** Between the calls of each caller: with such pauses some environments sleep through a step of a rotation, or through several. */
const pausesMillis = [0, 10, 40, 150]
const patience = { timeout: 120_000 }

let server: TlsServer
let rotating: BundledFunction
let service: SecretsManagerDouble
let extension: SecretsExtensionDouble
let roles: RotatingRoles
let lambda: LocalLambda
let load: Load
/** How many sign-ins the server has refused. */
let refusals = 0

beforeAll(async () => {
  const onLog = (line: string) => {
    if (line.includes('password authentication failed')) refusals += 1
  }
  server = await startTlsServer({ settings: { max_connections: '100' }, onLog })
  rotating = await bundleFunction(join(__dirname, 'functions/rotating.ts'))
})
afterAll(async () => {
  rotating?.dispose()
  await server?.close()
})
beforeEach(async () => {
  service = await SecretsManagerDouble.start()
  set({ ...noAwsVariables, ...service.environment })
  extension = await SecretsExtensionDouble.start(service)
  roles = await RotatingRoles.create(server)
  service.put(secretId, roles.secretAtFirst)
})
afterEach(async () => {
  await load?.stop()
  await lambda?.close()
  await roles.drop()
  await extension[Symbol.asyncDispose]()
  await service.close()
})

async function start(
  pool: PoolOptions,
  { env, ...options }: Partial<LocalLambdaOptions> = {},
): Promise<{ lambda: LocalLambda; load: Load }> {
  const { host, port, caFile } = server
  lambda = await startLambda({
    module: rotating.module,
    database: { host, port },
    timeoutMillis: 10_000,
    env: {
      ...service.environment,
      PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: String(extension.port),
      SECRET_ID: secretId,
      CA_FILE: caFile,
      POOL_OPTIONS: JSON.stringify(pool),
      ...env,
    },
    ...options,
  })
  load = new Load(lambda)
  return { lambda, load }
}

/** Callers that call one after the other, each with pauses of its own. */
class Load {
  readonly records: InvocationRecord[] = []
  readonly #lambda: LocalLambda
  readonly #callers: Promise<void>[]
  #waiting: { readonly count: number; readonly resolve: () => void }[] = []
  readonly #underWay = new Set<Promise<unknown>>()
  #isOver = false

  constructor(lambda: LocalLambda) {
    this.#lambda = lambda
    this.#callers = pausesMillis.map((millis) => this.#callEvery(millis))
  }

  /** Resolves when so many more calls are over, those that are under way among them: no rotation is so quick that a call meets several. */
  async further(calls: number): Promise<void> {
    const underWay = [...this.#underWay]
    await new Promise<void>((resolve) => this.#waiting.push({ count: this.records.length + calls, resolve }))
    await Promise.all(underWay)
  }

  /** Wakes more environments than the callers keep busy, all at once. */
  async burst(size: number): Promise<void> {
    await Promise.all(Array.from({ length: size }, () => this.#call()))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#callers)
  }

  get failures(): string[] {
    const bad = this.records.filter(({ outcome }) => outcome !== 'response')
    return bad.map(({ outcome, error }) => `${outcome}: ${error?.errorMessage} ${error?.stackTrace?.join('\n')}`)
  }

  get answers(): SignedIn[] {
    return this.records.filter(({ outcome }) => outcome === 'response').map(({ response }) => response as SignedIn)
  }

  async #callEvery(millis: number): Promise<void> {
    while (!this.#isOver) {
      await this.#call()
      await pause(millis)
    }
  }

  async #call(): Promise<void> {
    const call = this.#lambda.invoke({})
    this.#underWay.add(call)
    this.records.push(await call)
    this.#underWay.delete(call)
    const isDone = ({ count }: { count: number }) => this.records.length >= count
    for (const { resolve } of this.#waiting.filter(isDone)) resolve()
    this.#waiting = this.#waiting.filter((it) => !isDone(it))
  }
}

/** Asks until it is so. Returns how long that took, ms. */
async function until(isSo: () => boolean | Promise<boolean>, withinMillis = 20_000): Promise<number> {
  const began = performance.now()
  while (!(await isSo())) {
    if (performance.now() - began > withinMillis) throw new Error(`Not so within ${withinMillis} ms: ${isSo}`)
    await pause(10)
  }
  return performance.now() - began
}

describe('a single user whose password rotates under a steady load', patience, () => {
  it.each([
    ['secretsManager, on paused machines', 'sdk', 'paused-machine'],
    ['secretsExtension, in frozen processes', 'extension', 'process'],
  ] as const)('costs no call: %s', async (_, provider, freezeModel) => {
    await start({}, { env: { PROVIDER: provider }, freezeModel })
    await load.burst(8)
    for (let rotation = 0; rotation < rotations; rotation += 1) {
      const before = refusals
      // The old password is refused from the second step on, while the secret names it until the last.
      const steps = roles.steps('same', async (step) => {
        await load.further(2)
        if (step === 'set') await until(() => refusals > before)
      })
      await service.rotate(secretId, steps)
      await load.further(2)
      // Wakes environments that have slept through the last rotations.
      if (rotation % 4 === 3) await load.burst(8)
    }
    await load.stop()
    expect(load.failures).toEqual([])
    expect(new Set(load.answers.flatMap(({ users }) => users))).toEqual(new Set([roles.names[0]]))
  })
})

describe('two users whose secret alternates between them under a steady load', patience, () => {
  it('cost no call, and leave no session of the retired one when its lease is over', async () => {
    const [leaseMillis, credentialsTtlMillis] = [600, 300]
    await start({ leaseMillis, credentialsTtlMillis }, { freezeModel: 'paused-machine' })
    for (let rotation = 0; rotation < rotations; rotation += 1) {
      // Some of these environments are not called again before their lease is over.
      await load.burst(8)
      const between = () => load.further(2)
      await service.rotate(secretId, roles.steps('other', between))
      const [current = '', retired = ''] = rotation % 2 === 0 ? [...roles.names].reverse() : roles.names
      // Until then environments may go on with what they know.
      await pause(credentialsTtlMillis)
      const gone = await until(async () => (await roles.sessions(retired)) === 0)
      expect(gone).toBeLessThan(leaseMillis + 5000)
      const before = load.answers.length
      await load.further(4)
      expect(load.answers.slice(before).flatMap(({ users }) => users)).toContain(current)
    }
    await load.stop()
    expect(load.failures).toEqual([])
  })
})
