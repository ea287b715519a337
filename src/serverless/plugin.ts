import {
  type Budget,
  BudgetError,
  type Deployment,
  drawUpBudget,
  isPooled,
  Problems,
  readSettings,
  record,
  report,
  resolveTemplate,
  type Settings,
  type Sources,
} from '../budget/index.js'
import { setPoolVariables } from './environment.js'
import type { PluginOutput, Serverless } from './framework.js'
import { GOODBYE, preloadGoodbye } from './goodbye.js'
import { type PackagedFile, placeFile } from './packaged-file.js'
import { previewTemplate, stackParameters } from './preview.js'
import { findSources } from './sources.js'
import { SERVERLESS_WORDING } from './wording.js'
import { isOfNode, packWrapper, WRAPPER, wrapPackaged } from './wrap.js'
import { checkWrittenConcurrency } from './written-concurrency.js'

/** Commands that must not go on with a service that can't be. Others, such as `remove`, must. */
const CHECKED_COMMANDS = ['package', 'deploy', 'pg-thaw']

/**
 * Serverless Framework plugin (`plugins: [pg-thaw/serverless]`; osls, version 3, version 4): stops a packaging when the functions
 * could open more sessions than the database has, and hands each function what its pool goes by. `custom.pgThaw` configures it.
 *
 * It checks twice: before anything is built, from the configuration, and at the end, from the compiled template, where whatever other
 * plugins changed is in.
 */
export class PgThawPlugin {
  readonly commands = {
    'pg-thaw': {
      usage: 'Connections from functions to PostgreSQL',
      commands: {
        budget: {
          usage: 'Show how many sessions the functions may open, and how many the database has',
          lifecycleEvents: ['show'],
          options: { enforce: { usage: 'Fail if they do not fit', type: 'boolean' } },
        },
      },
    },
  }
  readonly hooks: Readonly<Record<string, () => void>>

  readonly #serverless: Serverless
  readonly #output: PluginOutput
  readonly #sources: Sources
  /** What has to be where the packages take it from, since some function has it. */
  readonly #packed = new Set<PackagedFile>()

  constructor(serverless: Serverless, options: { readonly enforce?: boolean }, output: PluginOutput) {
    this.#serverless = serverless
    this.#output = output
    this.#sources = findSources(serverless.serviceDir, serverless.configurationFilename)
    // All keys are checked here, by name: the framework only warns of what its schema does not allow.
    serverless.configSchemaHandler.defineCustomProperties({
      type: 'object',
      properties: { pgThaw: { type: 'object' } },
    })
    if (CHECKED_COMMANDS.includes(serverless.processedInput?.commands?.[0] ?? '')) {
      const { functions } = record(serverless.configurationInput)
      this.#report(() => checkWrittenConcurrency(functions, this.#sources.configuration))
    }
    const local = () => this.#report(() => this.#setVariables())
    this.hooks = {
      'pg-thaw:budget:show': () =>
        this.#report(() => {
          if (options.enforce) this.#enforce(this.#preview())
          this.#show(this.#preview())
        }),
      'before:package:cleanup': () =>
        this.#report(() => {
          this.#enforce(this.#preview())
          this.#setVariables()
          this.#pack()
        }),
      // The clean-up empties the folder that the copies go to.
      'after:package:cleanup': () => this.#placePacked(),
      'before:package:compileFunctions': () => this.#report(() => this.#wrapPackaged()),
      'after:aws:package:finalize:mergeCustomProviderResources': () =>
        this.#report(() => this.#enforce(serverless.service.provider.compiledCloudFormationTemplate)),
      // The deployment of one function alone.
      'before:package:function:package': () =>
        this.#report(() => {
          this.#setVariables()
          this.#pack()
          this.#placePacked()
        }),
      'after:package:function:package': () => this.#report(() => this.#wrapPackaged()),
      // On this machine there is no /var/task to preload from.
      'before:offline:start:init': local,
      'before:offline:start': local,
      'before:invoke:local:invoke': local,
    }
  }

  #show(template: unknown): void {
    const { text } = this.#drawUp(template)
    if (this.#output.writeText === undefined) this.#output.log.notice(text)
    else this.#output.writeText(text)
  }

  /** @throws what stops the command, if the budget does not fit. */
  #enforce(template: unknown): void {
    const { budget, text } = this.#drawUp(template)
    if (!budget.fits) throw new BudgetError('PG_THAW_BUDGET', text)
  }

  #drawUp(template: unknown): { budget: Budget; text: string } {
    const problems = new Problems()
    const { resources, absent } = resolveTemplate(template, stackParameters(this.#serverless))
    const deployed = Object.entries(this.#logicalIds()).filter(([, id]) => !absent.includes(id))
    const deployment: Deployment = {
      settings: this.#readSettings(problems),
      logicalIds: Object.fromEntries(deployed),
      resources,
      sources: this.#sources,
      wording: SERVERLESS_WORDING,
    }
    const budget = drawUpBudget(deployment, problems)
    return { budget, text: report(budget, deployment) }
  }

  #preview(): object {
    return previewTemplate(this.#serverless, this.#logicalIds())
  }

  #logicalIds(): Record<string, string> {
    const { naming } = this.#serverless.getProvider('aws')
    const names = Object.keys(this.#serverless.service.functions ?? {})
    return Object.fromEntries(names.map((name) => [name, naming.getLambdaLogicalId(name)]))
  }

  #setVariables(): void {
    const { service } = this.#serverless
    const file = this.#sources.configuration
    const { functions } = this.#settings()
    for (const [name, settings] of Object.entries(functions)) {
      const configuration = service.functions[name]
      if (configuration === undefined) continue
      setPoolVariables(name, configuration, settings, service.provider.environment ?? {}, file)
    }
  }

  #pack(): void {
    const file = this.#sources.configuration
    for (const [name, { goodbye, wrap, configuration }] of this.#pooled()) {
      if (wrap) {
        packWrapper(name, configuration, this.#serverless, file)
        this.#packed.add(WRAPPER)
      }
      if (!goodbye) continue
      if (preloadGoodbye(name, configuration, this.#serverless, file)) {
        this.#packed.add(GOODBYE)
        continue
      }
      this.#output.log.warning(
        `pg-thaw: functions.${name} is an image or a ready package, which nothing can be added to: its sessions end with their lease, not with the environment. Preload pg-thaw/goodbye in it, and set custom.pgThaw.functions.${name}.goodbye to false.`,
      )
    }
  }

  #placePacked(): void {
    for (const file of this.#packed) placeFile(this.#serverless, file)
  }

  #wrapPackaged(): void {
    for (const [name, { wrap, configuration }] of this.#pooled()) {
      if (wrap) wrapPackaged(name, configuration, this.#serverless, this.#sources.configuration)
    }
  }

  /** The functions that open sessions, with what is to become of them. */
  #pooled() {
    const { functions } = this.#serverless.service
    const settings = this.#settings()
    return Object.entries(settings.functions).flatMap(([name, { goodbye, wrap }]) => {
      const configuration = functions[name]
      if (configuration === undefined || !isPooled(settings, name)) return []
      return [[name, { goodbye, wrap: wrap && isOfNode(configuration, this.#serverless), configuration }] as const]
    })
  }

  #settings(): Settings {
    const problems = new Problems()
    const settings = this.#readSettings(problems)
    problems.throwIfAny()
    return settings
  }

  #readSettings(problems: Problems): Settings {
    const { custom, functions } = this.#serverless.service
    const names = { present: Object.keys(functions ?? {}) }
    return readSettings(custom?.pgThaw, names, this.#sources.configuration, SERVERLESS_WORDING, problems)
  }

  /** The framework shows an error of its own class by its message alone, and any other with a stack. */
  #report(check: () => void): void {
    try {
      check()
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error
      throw new this.#serverless.classes.Error(error.message, error.code)
    }
  }
}
