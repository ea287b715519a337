import { BudgetError, isPooled, Problems, record } from '../budget/index.js'
import { setPoolVariables } from './environment.js'
import type { PluginOutput, Serverless } from './framework.js'
import { readDeployed } from './packaging/deployed.js'
import { type PackagedFunction, Packaging } from './packaging/packaging.js'
import { unknownParameters } from './parameters.js'
import { ServiceBudget } from './service-budget.js'
import { findSources, type ServiceSources } from './sources.js'
import { checkWrittenConcurrency } from './written-concurrency.js'

/** The options of a command, as far as they concern us. */
interface PluginOptions {
  readonly enforce?: boolean
  readonly param?: unknown
  /** The one function that is deployed. */
  readonly function?: string
  readonly 'update-config'?: boolean
}

/** Commands that must not go on with a service that can't be. Others, such as `remove`, must. */
const CHECKED_COMMANDS = ['package', 'deploy', 'pg-thaw']

/**
 * Serverless Framework plugin (`plugins: [pg-thaw/serverless]`; osls, version 3, version 4): warns of, or stops, a packaging when
 * the functions could open more sessions than the database has, and hands each function what its pool goes by. `custom.pgThaw` configures it.
 *
 * It checks twice: before anything is built, from the configuration, and at the end, from the compiled template, where whatever other
 * plugins changed is in.
 */
export class PgThawPlugin {
  readonly commands = {
    'pg-thaw': {
      usage: 'Connections from functions to PostgreSQL',
      lifecycleEvents: ['help'],
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
  readonly #sources: ServiceSources
  readonly #budget: ServiceBudget
  readonly #packaging: Packaging

  constructor(serverless: Serverless, options: PluginOptions, output: PluginOutput) {
    this.#serverless = serverless
    this.#output = output
    this.#sources = findSources(serverless.serviceDir, serverless.configurationFilename)
    this.#budget = new ServiceBudget(serverless, this.#sources)
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
        this.#budget.noteFunctions()
        this.#packaging.noteReady()
      },
      'pg-thaw:help': () => this.#show(this.#usage()),
      'pg-thaw:budget:show': () =>
        this.#report(() => {
          this.#checkParameters(options.param, 'refuse')
          this.#show(this.#budget.show(options.enforce ?? false))
        }),
      'before:package:cleanup': () =>
        this.#report(() => {
          this.#checkParameters(options.param, 'warn')
          this.#budget.check('preview')
          this.#setVariables()
          this.#packaging.check(this.#packaged())
        }),
      // Whoever makes zips has made them, in whatever order the plugins are listed; and functions of other plugins are there.
      'before:package:compileFunctions': () =>
        this.#report(() => {
          this.#setVariables()
          this.#warn(this.#packaging.complete(this.#packaged()))
        }),
      'after:aws:package:finalize:mergeCustomProviderResources': () =>
        this.#report(() => this.#warn(this.#budget.check('compiled'))),
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

  #show(text: string): void {
    if (this.#output.writeText === undefined) this.#output.log.notice(text)
    else this.#output.writeText(text)
  }

  #usage(): string {
    const { usage, commands } = this.commands['pg-thaw']
    const each = Object.entries(commands).flatMap(([name, command]) => [
      `serverless pg-thaw ${name}  ${command.usage}`,
      ...Object.entries(command.options).map(([option, about]) => `    --${option}  ${about.usage}`),
    ])
    return [usage, '', ...each].join('\n')
  }

  /** A table of other parameters than were meant is no table; a packaging is not ours to stop for it. */
  #checkParameters(given: unknown, otherwise: 'refuse' | 'warn'): void {
    const { lines, isCertain } = unknownParameters(given, this.#serverless, this.#sources.files())
    if (lines.length === 0) return
    if (otherwise === 'refuse' && isCertain) throw new BudgetError('PG_THAW_CONFIGURATION', lines.join('\n'))
    this.#warn(`pg-thaw: ${lines.join('\n')}`)
  }

  #setVariables(): void {
    const { service } = this.#serverless
    const file = this.#sources.configuration
    const problems = new Problems()
    for (const [name, settings] of Object.entries(this.#budget.settings().functions)) {
      const configuration = service.functions[name]
      if (configuration === undefined) continue
      problems.attempt(() => setPoolVariables(name, configuration, settings, service.provider.environment ?? {}, file))
    }
    problems.throwIfAny()
  }

  #warn(text: string | undefined): void {
    if (text !== undefined) this.#output.log.warning(text)
  }

  /** The functions, or the one of them that is named, with what they are to get: nothing where they open no sessions. */
  #packaged(only?: string): PackagedFunction[] {
    const { functions } = this.#serverless.service
    const settings = this.#budget.settings()
    return Object.entries(settings.functions).flatMap(([name, { goodbye, wrap }]) => {
      const configuration = functions[name]
      if (configuration === undefined || (only !== undefined && name !== only)) return []
      const hasPool = isPooled(settings, name)
      return [{ name, configuration, goodbye: goodbye && hasPool, wrap: wrap && hasPool }]
    })
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
