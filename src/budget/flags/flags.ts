import type { StatedFunction } from '../sources/stated.js'

/** What somebody says on a command line, as it was typed. */
export interface Flags {
  /** `N` for all functions, or `NAME=N` for one. */
  readonly max: readonly string[]
  readonly min: readonly string[]
  readonly target: readonly string[]
  readonly pools: readonly string[]
  readonly workers: readonly string[]
  /** Names, divided by commas: of the functions that open sessions, or of those that open none. */
  readonly only: readonly string[]
  readonly except: readonly string[]
  /** Functions that are in no file, or of which the file does not say how many environments they may have. */
  readonly stated: readonly StatedFunction[]
  /** `NAME=VALUE`, of the template's parameters. */
  readonly param: readonly string[]
  readonly maxConnections: string | undefined
  readonly database: string | undefined
  readonly reserve: string | undefined
  readonly accountConcurrency: string | undefined
  readonly proxySessions: string | undefined
  readonly proxyClients: string | undefined
}

/** Where messages say that it stands. */
export const COMMAND_LINE = 'command line'
