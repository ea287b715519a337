import { Socket } from 'node:net'

const OWN_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1'])

interface Destination {
  readonly host?: string | undefined
  readonly port?: number | string | undefined
}

/**
 * Has whatever connects to the database from this process arrive at the relay that PGHOST and PGPORT name, and gives these their values
 * back: what the function reads of its configuration, and the name that TLS asks for, stay what they are when it is deployed.
 *
 * @param database `host:port`, as the function knows it.
 */
export function leadThroughRelay(database: string): void {
  const colon = database.lastIndexOf(':')
  const [host, port] = [database.slice(0, colon), database.slice(colon + 1)]
  const relay = { host: process.env.PGHOST, port: Number(process.env.PGPORT) }
  process.env.PGHOST = host
  process.env.PGPORT = port
  const isDatabase = (to: Destination) => String(to.port) === port && isSame(to.host ?? 'localhost', host)
  const connect = Socket.prototype.connect as (...args: unknown[]) => Socket
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
    return Reflect.apply(connect, this, redirected(args, isDatabase, relay))
  } as typeof connect
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase() || (OWN_NAMES.has(one) && OWN_NAMES.has(other))
}

/** The arguments come as port and host, as options, or as the list that `net.connect` has made of either. */
function redirected(args: unknown[], isDatabase: (to: Destination) => boolean, relay: Destination): unknown[] {
  const [first, second, ...others] = args
  if (Array.isArray(first)) {
    if (isDatabase(first[0])) first[0] = { ...first[0], ...relay }
    return args
  }
  if (typeof first === 'object' && first !== null)
    return isDatabase(first) ? [{ ...first, ...relay }, second, ...others] : args
  const host = typeof second === 'string' ? second : undefined
  if (!isDatabase({ host, port: first as number | string })) return args
  return host === undefined ? [relay, second, ...others] : [relay, ...others]
}
