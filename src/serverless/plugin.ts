import { BudgetError, isPooled, Problems, record } from '../budget/index.js'
import { setPoolVariables } from './environment.js'
import type { PluginOutput, Serverless } from './framework.js'
import { GOODBYE, preloadGoodbye } from './goodbye.js'
import { type PackagedFile, placeFile } from './packaged-file.js'
import { unknownParameters } from './parameters.js'
import { ServiceBudget } from './service-budget.js'
import { findSources, type ServiceSources } from './sources.js'
import { isOfNode, packWrapper, WRAPPER, wrapPackaged } from './wrap.js'
import { checkWrittenConcurrency } from './written-concurrency.js'

/** The options of a command, as far as they concern us. */
interface PluginOptions {
  readonly enforce?: boolean
  readonly param?: unknown
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
  /** What has to be where the packages take it from, since some function has it. */
  readonly #packed = new Set<PackagedFile>()

  constructor(serverless: Serverless, options: PluginOptions, output: PluginOutput) {
    this.#serverless = serverless
    this.#output = output
    this.#sources = findSources(serverless.serviceDir, serverless.configurationFilename)
    this.#budget = new ServiceBudget(serverless, this.#sources)
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
      initialize: () => this.#budget.noteFunctions(),
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
          this.#pack()
        }),
      // The clean-up empties the folder that the copies go to.
      'after:package:cleanup': () => this.#placePacked(),
      'before:package:compileFunctions': () => this.#report(() => this.#wrapPackaged()),
      'after:aws:package:finalize:mergeCustomProviderResources': () =>
        this.#report(() => {
          const warning = this.#budget.check('compiled')
          if (warning !== undefined) this.#output.log.warning(warning)
        }),
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
    this.#output.log.warning(`pg-thaw: ${lines.join('\n')}`)
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
    const settings = this.#budget.settings()
    return Object.entries(settings.functions).flatMap(([name, { goodbye, wrap }]) => {
      const configuration = functions[name]
      if (configuration === undefined || !isPooled(settings, name)) return []
      return [[name, { goodbye, wrap: wrap && isOfNode(configuration, this.#serverless), configuration }] as const]
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
