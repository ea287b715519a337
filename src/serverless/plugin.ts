import { type Budget, drawUpBudget } from './budget.js'
import { checkWrittenConcurrency } from './concurrency.js'
import { setPoolVariables } from './environment.js'
import { BudgetError } from './errors.js'
import type { PluginOutput, Serverless } from './framework.js'
import { readDeployed } from './packaging/deployed.js'
import { type PackagedFunction, Packaging } from './packaging/packaging.js'
import { previewResources } from './preview.js'
import { report } from './report.js'
import { readSettings } from './settings.js'
import { findSources, type Sources } from './sources.js'
import { type Resources, record, resourcesOf } from './template.js'

/** Commands that must not go on with a service that can't be. Others, such as `remove`, must. */
const CHECKED_COMMANDS = ['package', 'deploy', 'pg-thaw']

interface PluginOptions {
  readonly enforce?: boolean
  /** The one function that is deployed. */
  readonly function?: string
  readonly 'update-config'?: boolean
}

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
  readonly #packaging: Packaging
  /** Functions of the configuration, once it is read; what comes later is of other plugins. */
  #written: readonly string[] | undefined

  constructor(serverless: Serverless, options: PluginOptions, output: PluginOutput) {
    this.#serverless = serverless
    this.#output = output
    this.#sources = findSources(serverless.serviceDir, serverless.configurationFilename)
    this.#packaging = new Packaging(serverless, this.#sources.configuration)
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
      initialize: () => {
        this.#written = Object.keys(serverless.service.functions ?? {})
        this.#packaging.noteReady()
      },
      'pg-thaw:budget:show': () =>
        this.#report(() => {
          if (options.enforce) this.#enforce(this.#preview())
          this.#show(this.#preview())
        }),
      'before:package:cleanup': () =>
        this.#report(() => {
          this.#enforce(this.#preview())
          this.#setVariables()
          this.#packaging.check(this.#packaged())
        }),
      // Whoever makes zips has made them, in whatever order the plugins are listed.
      'before:package:compileFunctions': () =>
        this.#report(() => {
          // Again, for the sake of functions that were not there yet.
          this.#setVariables()
          this.#warn(this.#packaging.complete(this.#packaged()))
        }),
      'after:aws:package:finalize:mergeCustomProviderResources': () =>
        this.#report(() => this.#enforce(resourcesOf(serverless.service.provider.compiledCloudFormationTemplate))),
      // The deployment of one function alone.
      'before:package:function:package': () =>
        this.#report(() => {
          this.#setVariables()
          this.#packaging.check(this.#packaged(options.function))
        }),
      'before:deploy:function:deploy': () =>
        this.#report(() => {
          const deployed = readDeployed(serverless, options['update-config'] ?? false)
          this.#warn(this.#packaging.complete(this.#packaged(options.function), deployed))
        }),
      // On this machine there is no /var/task to preload from.
      'before:offline:start:init': local,
      'before:offline:start': local,
      'before:invoke:local:invoke': local,
    }
  }

  #show(resources: Resources): void {
    const text = report(this.#budgetOf(resources))
    if (this.#output.writeText === undefined) this.#output.log.notice(text)
    else this.#output.writeText(text)
  }

  /** @throws what stops the command, if the budget does not fit. */
  #enforce(resources: Resources): void {
    const budget = this.#budgetOf(resources)
    if (!budget.fits) throw new BudgetError('PG_THAW_BUDGET', report(budget))
  }

  #budgetOf(resources: Resources): Budget {
    return drawUpBudget({
      settings: this.#serverless.service.custom?.pgThaw,
      logicalIds: this.#logicalIds(),
      resources,
      sources: this.#sources,
    })
  }

  #preview(): Resources {
    return previewResources(this.#serverless, this.#logicalIds())
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

  #warn(text: string | undefined): void {
    if (text !== undefined) this.#output.log.warning(text)
  }

  /** The functions, or the one of them that is named, with what they are to get: nothing where they open no sessions. */
  #packaged(only?: string): PackagedFunction[] {
    const { functions } = this.#serverless.service
    return Object.entries(this.#settings().functions).flatMap(([name, { max, goodbye, wrap }]) => {
      const configuration = functions[name]
      if (configuration === undefined || (only !== undefined && name !== only)) return []
      const isPooled = max !== 0
      return [{ name, configuration, goodbye: goodbye && isPooled, wrap: wrap && isPooled }]
    })
  }

  #settings() {
    const { custom, functions } = this.#serverless.service
    const named = Object.keys(record(record(custom?.pgThaw).functions))
    // What other plugins make, as for warming up, is left out unless the settings name it.
    const isOwn = (name: string) => this.#written?.includes(name) ?? true
    const names = Object.keys(functions ?? {}).filter((name) => isOwn(name) || named.includes(name))
    return readSettings(this.#sources.configuration, custom?.pgThaw, names)
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
