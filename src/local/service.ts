import type { LogLine } from '../testing/index.js'
import { Beside } from './act/beside.js'
import { control } from './act/controls.js'
import { Faults } from './act/faults.js'
import { endSessions, losePackets, resetConnections, vanish } from './act/strikes.js'
import { Closers } from './closing.js'
import { startBeside } from './functions/beside.js'
import { callerOf } from './functions/caller.js'
import { type DatabaseLocation, locateDatabase } from './functions/database-url.js'
import { Events } from './functions/events.js'
import { findHandlers, type Handler } from './functions/handlers.js'
import { Invocations } from './functions/invoke.js'
import { checkHandler, type Surroundings, startFunction } from './functions/start.js'
import { actionsOf, commandsOf, hints } from './functions/views.js'
import { listen } from './page/http.js'
import type { ServiceView } from './page/service-view.js'
import { EventStream } from './page/stream.js'
import { Fleet } from './watch/fleet.js'
import { SessionWatch } from './watch/sessions.js'
import { Watch } from './watch/watch.js'

/** What to watch, and how it runs. */
export interface LocalOptions {
  /** Each `[NAME=]path/to/module.export`, as in a function's configuration. */
  readonly handlers: readonly string[]
  /** `postgres://…`. Default: what `variables` say. */
  readonly database: string | undefined
  /** Where to listen on 127.0.0.1, or on the next port that is free; 0 for any free one. */
  readonly port: number
  /** The functions' timeout, ms. */
  readonly timeoutMillis: number
  /** Most environments of a function at once. */
  readonly concurrency: number
  /** How long an environment is kept that nobody calls, ms. */
  readonly idleMillis: number
  /** What functions are called with: JSON, or a file with it; for one function with `NAME=` before it. */
  readonly events: readonly string[]
  /** Modules that environments preload, as `node --import` takes them. */
  readonly imports: readonly string[]
  /** Variables of the functions. */
  readonly functionVariables: Readonly<Record<string, string>>
  /** Where the database may be named, beside the functions' own variables. */
  readonly variables: Readonly<Record<string, string | undefined>>
}

/** Functions on this machine that are watched. */
export interface Local {
  readonly url: string
  readonly port: number
  readonly functions: readonly string[]
  /** Which database, for people: without the password. */
  readonly database: string
  /** Ends everything that belongs to it. Idempotent. */
  close(): Promise<void>
}

const LIMIT_AGAIN_MILLIS = 1000

/**
 * Has functions wait for calls, behind a page that shows what they do.
 *
 * @throws Refusal for what can't be watched; Error with the code `EADDRINUSE` when no port is free.
 */
export async function startLocal(options: LocalOptions): Promise<Local> {
  const handlers = findHandlers(options.handlers, options.imports.length > 0)
  const names = handlers.map(({ name }) => name)
  const events = new Events(options.events, names)
  const database = locateDatabase(options.database, { ...options.variables, ...options.functionVariables })
  const surroundings: Surroundings = { ...options, database, variables: options.functionVariables }
  await Promise.all(handlers.map((handler) => checkHandler(handler, surroundings)))
  const closers = new Closers()
  try {
    const { url, port } = await serve(handlers, events, surroundings, options.port, closers)
    return { url, port, functions: names, database: database.shown, close: () => closers.close() }
  } catch (error) {
    await closers.close()
    throw error
  }
}

async function serve(
  handlers: readonly Handler[],
  events: Events,
  surroundings: Surroundings,
  firstPort: number,
  closers: Closers,
): Promise<{ readonly url: string; readonly port: number }> {
  const { database, concurrency, idleMillis } = surroundings
  const stream = new EventStream()
  const server = await listen(firstPort, stream)
  closers.add(() => server.close())
  const sessions = new SessionWatch(database.url)
  closers.add(() => sessions.close())
  const watch = new Watch(stream, sessions)
  for (const handler of handlers) {
    const onLog = (line: LogLine) => watch.tellLine(handler.name, 'pg-thaw', line)
    const lambda = await startFunction(handler, surroundings, {
      side: 'pg-thaw',
      word: sessions.words['pg-thaw'],
      onLog,
    })
    closers.add(() => lambda.close())
    watch.fleets.push(new Fleet({ name: handler.name, concurrency, max: undefined }, lambda, watch.observer))
  }
  const fleets = [...watch.fleets]
  const struck = { caller: callerOf(fleets, events), fleets: watch.fleets, sessions }
  const faults = new Faults(
    [endSessions, losePackets, resetConnections, vanish].map((fault) => fault(struck)),
    stream,
  )
  const view: ServiceView = {
    about: aboutOf(database),
    functions: fleets.map(({ facts }) => facts),
    actions: actionsOf(handlers),
    faults: faults.views,
    hints,
    commands: commandsOf(handlers),
    idleMillis,
    sessionLimit: undefined,
  }
  stream.update('service', view)
  const beside = new Beside(watch, stream, startBeside(handlers, surroundings, sessions.words['pg.Pool'], watch))
  closers.add(() => beside.close())
  closers.add(() => watch.stop())
  await watch.start()
  closers.add(tellLimit(sessions, (sessionLimit) => stream.update('service', { ...view, sessionLimit })))
  const invocations = new Invocations(fleets, events)
  const controlled = { fleets: watch.fleets, faults, sessions, beside }
  server.serve((request) =>
    request.url.startsWith('/local/') ? control(request, controlled) : invocations.serve(request),
  )
  return server
}

function aboutOf({ shown }: DatabaseLocation): string {
  return `Your functions on this machine: real processes that freeze, and the database ${shown}.`
}

/** Asks until the database has answered; returns how to give up. */
function tellLimit(sessions: SessionWatch, tell: (limit: number) => void): () => void {
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const ask = async () => {
    try {
      const limit = await sessions.limit()
      if (!isOver) tell(limit)
    } catch {
      if (!isOver) timer = setTimeout(ask, LIMIT_AGAIN_MILLIS)
    }
  }
  void ask()
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}
