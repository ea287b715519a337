import {
  type Budget,
  BudgetError,
  type Deployment,
  drawUpBudget,
  isPooled,
  Problems,
  readSettings,
  report,
  resolveTemplate,
  type Settings,
  type Sources,
  withEnvironments,
} from '../budget/index.js'
import type { Serverless } from './framework.js'
import { previewTemplate, stackParameters } from './preview.js'
import { SERVERLESS_WORDING } from './wording.js'

/** When a service is looked at: before anything is compiled, when other plugins may still add functions, or at the end. */
type Moment = 'preview' | 'compiled'

const HOW_TO_GO_ON =
  'It is packaged all the same. custom.pgThaw.budget: error stops it where it does not fit; off silences this.'

/** The settings and the budget of one service, at both moments. */
export class ServiceBudget {
  readonly #serverless: Serverless
  readonly #sources: Sources
  #first: readonly string[] | undefined

  constructor(serverless: Serverless, sources: Sources) {
    this.#serverless = serverless
    this.#sources = sources
  }

  /** The first look: whatever functions come later, other plugins made. */
  noteFunctions(): void {
    this.#first ??= this.#present()
  }

  /** @throws {BudgetError} `PG_THAW_CONFIGURATION` for what is wrong in them, in any mode. */
  settings(moment: Moment = 'preview'): Settings {
    const problems = new Problems()
    const settings = this.#read(moment, problems)
    problems.throwIfWrong()
    return settings
  }

  /**
   * The table, from the configuration as it is.
   *
   * @throws {BudgetError} where it can't be drawn up; and where it does not fit and is to be enforced.
   */
  show(enforce: boolean): string {
    const { budget, deployment } = this.#drawUp('preview')
    const text = report(budget, deployment)
    if (enforce && !budget.fits) throw new BudgetError('PG_THAW_BUDGET', text)
    return text
  }

  /**
   * Looks whether the functions fit, and goes on as the mode says.
   *
   * @returns the one warning of `budget: warn`, at the end; undefined if there is nothing to say.
   * @throws {BudgetError} what stops the command: what is wrong in any mode, and with `budget: error` also what is missing, and a budget
   *   that does not fit.
   */
  check(moment: Moment): string | undefined {
    const settings = this.settings(moment)
    const { budget: mode, functions } = settings
    const hasPools = Object.keys(functions).some((name) => isPooled(settings, name))
    if (mode === 'off' || !hasPools) return undefined
    try {
      const { budget, deployment } = this.#drawUp(moment)
      // What is only warned of is warned of at the end: until then nobody reads a report.
      if (budget.fits || (mode === 'warn' && moment === 'preview')) return undefined
      throw new BudgetError('PG_THAW_BUDGET', report(budget, deployment))
    } catch (error) {
      if (mode === 'error') throw error
      // A fault of ours is no reason not to deploy: nothing but a warning was asked for.
      if (!(error instanceof BudgetError)) return moment === 'preview' ? undefined : faultOf(error)
      if (error.problems.some(({ kind }) => kind === 'wrong')) throw error
      return moment === 'preview' ? undefined : warningOf(error)
    }
  }

  #drawUp(moment: Moment): { readonly budget: Budget; readonly deployment: Deployment } {
    const problems = new Problems()
    const logicalIds = this.#logicalIds()
    const template =
      moment === 'preview'
        ? previewTemplate(this.#serverless, logicalIds)
        : this.#serverless.service.provider.compiledCloudFormationTemplate
    const { resources, absent } = resolveTemplate(template, stackParameters(this.#serverless))
    const deployed = Object.entries(logicalIds).filter(([, id]) => !absent.includes(id))
    const open: Deployment = {
      settings: this.#read(moment, problems),
      logicalIds: Object.fromEntries(deployed),
      resources,
      sources: this.#sources,
      wording: SERVERLESS_WORDING,
    }
    const deployment = withEnvironments(open, problems)
    return { budget: drawUpBudget(deployment, problems), deployment }
  }

  #read(moment: Moment, problems: Problems): Settings {
    const present = this.#present()
    const first = this.#first ?? present
    const late = present.filter((name) => !first.includes(name))
    const names = { present, late, mayGrow: moment === 'preview' }
    return readSettings(
      this.#serverless.service.custom?.pgThaw,
      names,
      this.#sources.configuration,
      SERVERLESS_WORDING,
      problems,
    )
  }

  #logicalIds(): Record<string, string> {
    const { naming } = this.#serverless.getProvider('aws')
    return Object.fromEntries(this.#present().map((name) => [name, naming.getLambdaLogicalId(name)]))
  }

  #present(): string[] {
    return Object.keys(this.#serverless.service.functions ?? {})
  }
}

function faultOf(error: unknown): string {
  return `pg-thaw: a fault of its own keeps it from adding up the sessions: ${error}. Please report it.\n\n${HOW_TO_GO_ON}`
}

function warningOf({ message, problems }: BudgetError): string {
  if (problems.length === 0) return `pg-thaw: ${message}\n\n${HOW_TO_GO_ON}`
  const questions = problems.map((problem) => `  - ${problem.message}`).join('\n')
  return `pg-thaw: how many sessions the functions may open can't be told yet:\n${questions}\n\n${HOW_TO_GO_ON}`
}
