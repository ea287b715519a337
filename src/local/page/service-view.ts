import type { FaultView } from '../act/faults.js'
import type { FunctionFacts } from '../watch/fleet.js'

/** A button that sends a request. */
export interface ActionView {
  readonly name: string
  readonly title?: string
  /** Whether it is what one comes for. */
  readonly isMain?: boolean
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
}

/** What the page is told of the service once, and again when it changes. */
export interface ServiceView {
  /** One line about it. */
  readonly about: string
  readonly functions: readonly FunctionFacts[]
  readonly actions: readonly ActionView[]
  readonly faults: readonly FaultView[]
  /** Things to try, and what is seen then. */
  readonly hints: readonly (readonly [string, string])[]
  /** Commands for a terminal, in which `$URL` is the page's address. */
  readonly commands: readonly string[]
  /** How long an environment is kept that nobody calls, ms. */
  readonly idleMillis: number
  /** How many sessions the database has for others than administrators, once it has said so. */
  readonly sessionLimit: number | undefined
  /** After which time a message that failed comes back, where there is a queue, ms. */
  readonly visibilityMillis?: number
}
