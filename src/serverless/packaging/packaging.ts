import { isAbsolute, relative, resolve } from 'node:path'
import { type BudgetError, Problems, record } from '../../budget/index.js'
import type { FunctionConfiguration, Serverless } from '../framework.js'
import { artifactOf } from './artifact.js'
import { builtZip, type Carrier, keptCode, noCarrier, readyZip } from './carrier.js'
import { type DeployedFunction, whyNotWrapped } from './deployed.js'
import { GOODBYE, type OwnFile, WRAPPER } from './own-file.js'
import { preloadGoodbye, whyNoOption } from './preload.js'
import { isOfNode, whyNoPreload } from './runtime.js'
import { refusedVariable, refusedWrap, wrapPackaged } from './wrap.js'

/** A function, and what it is to get. */
export interface PackagedFunction {
  readonly name: string
  readonly configuration: FunctionConfiguration
  /** Whether it preloads what registers for the signal at the environment's end. */
  readonly goodbye: boolean
  /** Whether its handler is wrapped. */
  readonly wrap: boolean
}

/**
 * Puts files of ours into the functions' finished zips, whoever made them, and has a function load one only where it is in its zip: else
 * no environment of it would start.
 */
export class Packaging {
  readonly #serverless: Serverless
  /** Builders may move the service's folder while they build. */
  readonly #serviceDir: string
  readonly #file: string
  /** The zips that the user wrote down: made elsewhere, and not ours to change. */
  readonly #ready = new Set<string>()

  /** @param file The service's configuration, for messages. */
  constructor(serverless: Serverless, file: string) {
    this.#serverless = serverless
    this.#serviceDir = serverless.serviceDir
    this.#file = file
  }

  /** Notes which zips are ready, before builders name their own. */
  noteReady(): void {
    const { service } = this.#serverless
    const owners = [service, ...Object.values(service.functions ?? {})]
    for (const { package: settings } of owners) {
      if (settings?.artifact) this.#ready.add(resolve(this.#serviceDir, settings.artifact))
    }
  }

  /**
   * Checks what does not hang on the zips, and so can be known before anything is built.
   *
   * @throws {BudgetError} `PG_THAW_CONFIGURATION`, with a line for each value that can't be.
   */
  check(functions: readonly PackagedFunction[]): void {
    const wrapped = this.#ofNode(functions).filter(({ wrap }) => wrap)
    const refusals = wrapped.flatMap(({ name, configuration }) => {
      const why = this.#whyNever(configuration)
      const found = [
        refusedVariable(name, configuration, this.#serverless, this.#file),
        why === undefined ? undefined : refusedWrap(name, why, this.#file),
      ]
      return found.filter((refusal) => refusal !== undefined)
    })
    throwAll(refusals)
  }

  /**
   * Puts into the finished zips what the functions are to load, and has them load it.
   *
   * @param deployed where one function alone is deployed: what is on Lambda.
   * @returns a line about the functions that have to do without the goodbye, with the reasons.
   * @throws {BudgetError} `PG_THAW_CONFIGURATION`, with a line for each function that can't be wrapped.
   */
  complete(functions: readonly PackagedFunction[], deployed?: DeployedFunction): string | undefined {
    // Again, for the sake of functions that were not there yet.
    this.check(functions)
    const refusals: BudgetError[] = []
    const without = new Map<string, string[]>()
    // One zip after the other, as each is held in memory.
    for (const { sharing, open } of this.#carriersOf(functions, deployed)) {
      const carrier = open()
      const files = new Set<OwnFile>(deployed?.loads)
      for (const { name, configuration, goodbye, wrap } of sharing) {
        const whyNoWrap =
          carrier.whyNot(WRAPPER) ?? (deployed && whyNotWrapped(deployed, configuration, this.#serverless))
        if (wrap && whyNoWrap !== undefined) refusals.push(refusedWrap(name, whyNoWrap, this.#file))
        else if (wrap) {
          files.add(WRAPPER)
          wrapPackaged(configuration)
        }
        const whyNoGoodbye = carrier.whyNot(GOODBYE) ?? whyNoOption(configuration, this.#serverless)
        if (goodbye && whyNoGoodbye !== undefined) {
          without.set(whyNoGoodbye, [...(without.get(whyNoGoodbye) ?? []), name])
        } else if (goodbye) {
          files.add(GOODBYE)
          preloadGoodbye(configuration, this.#serverless)
        }
      }
      carrier.add([...files])
    }
    throwAll(refusals)
    return lineAbout(without)
  }

  #ofNode(functions: readonly PackagedFunction[]): PackagedFunction[] {
    return functions.filter(({ configuration }) => isOfNode(configuration, this.#serverless))
  }

  /** Why nothing can be put in, whatever is built. */
  #whyNever(configuration: FunctionConfiguration): string | undefined {
    if (configuration.image !== undefined) return 'nothing can be added to an image'
    if (isAtEdge(configuration)) return 'Lambda@Edge has no variables'
    return whyNoPreload(configuration, this.#serverless)
  }

  /** Where the functions get their files from, each with those that share it. */
  #carriersOf(functions: readonly PackagedFunction[], deployed: DeployedFunction | undefined) {
    const carriers = new Map<string, { sharing: PackagedFunction[]; open: () => Carrier }>()
    for (const it of this.#ofNode(functions)) {
      if (!it.goodbye && !it.wrap && deployed === undefined) continue
      const [key, open] = this.#carrierOf(it, deployed)
      const carrier = carriers.get(key)
      if (carrier === undefined) carriers.set(key, { sharing: [it], open })
      else carrier.sharing.push(it)
    }
    return carriers.values()
  }

  #carrierOf(
    { name, configuration }: PackagedFunction,
    deployed: DeployedFunction | undefined,
  ): [string, () => Carrier] {
    const never = this.#whyNever(configuration)
    if (never !== undefined) return [never, () => noCarrier(never)]
    if (deployed?.keepsCode) return ['deployed', () => keptCode(deployed)]
    const artifact = artifactOf(name, configuration, this.#serverless, this.#serviceDir)
    if (artifact === undefined) return ['none', () => noCarrier('no package is made')]
    const path = resolve(this.#serviceDir, artifact)
    const shown = isAbsolute(artifact) ? relative(this.#serviceDir, path) : artifact
    return [path, () => (this.#ready.has(path) ? readyZip(path, shown) : builtZip(path, shown))]
  }
}

/** Whether a function is deployed to CloudFront: the framework takes its variables away. */
function isAtEdge({ events }: FunctionConfiguration): boolean {
  return [events ?? []].flat().some((event) => record(event).cloudFront !== undefined)
}

/** @throws {BudgetError} with all lines, so that one run says them all. */
function throwAll(refusals: readonly BudgetError[]): void {
  const problems = new Problems()
  for (const refusal of refusals) problems.add(refusal)
  problems.throwIfAny()
}

function lineAbout(without: ReadonlyMap<string, readonly string[]>): string | undefined {
  if (without.size === 0) return undefined
  const groups = [...without].map(([why, names]) => `${names.join(', ')} (${why})`)
  return `pg-thaw: sessions end with their lease, not with the environment, in ${groups.join('; ')}. Preload pg-thaw/goodbye there yourself, or set custom.pgThaw.functions.<name>.goodbye to false.`
}
