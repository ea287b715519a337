import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Client, type Connection } from 'pg'
import type { Address } from '../postgres/connection/opening/address.js'
import type { Host } from '../postgres/connection/opening/hosts.js'
import { markSession } from '../postgres/connection/opening/limits.js'
import { verifyHost } from '../postgres/connection/opening/tls.js'
import type { PgClient } from '../postgres/connection/pg-client.js'
import type { PoolOptions } from '../postgres/options/options.js'
import { copyOptions } from '../postgres/options/secrets.js'

/** No message before the sign-in is nearly as long, B. */
const LONGEST_ANSWER = 30_000

/** How the server had the client say who it is. */
export type SignInMethod = 'scram-sha-256' | 'md5' | 'clear text' | 'nothing'

/** What came to light while a connection was being opened, as far as that came; times in ms. */
export interface Observed {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  /** The address that the name led to. */
  address?: string
  lookupMillis?: number
  connectMillis?: number
  tlsMillis?: number
  signInMillis?: number
  readyMillis?: number
  tls?: ObservedTls
  method?: SignInMethod
  /** Of SCRAM: how often the server has the client hash its password. */
  iterations?: number
  /** It speaks no TLS. */
  refusesTls?: boolean
  /** What answered is no PostgreSQL: that is what it speaks instead. */
  speaks?: 'HTTP' | 'another protocol'
}

export interface ObservedTls {
  readonly protocol: string
  /** The curve on which both agreed, where there is one. */
  readonly group: string | undefined
  /** Whether authorities that are known here say who it is. */
  readonly isVerified: boolean
  /** Who signed the server's certificate; unknown where the session was resumed. */
  readonly issuer: string | undefined
  readonly validTo: string | undefined
  /** How often the client has to wait for the server until what they say is encrypted. */
  readonly roundTrips: number
}

/** One attempt to connect. */
export interface Attempt {
  readonly observed: Observed
  /** Connected, or why not. */
  readonly client: Client | undefined
  readonly error: unknown
}

/** What an attempt is made with. */
export interface AttemptOptions {
  readonly pool: PoolOptions
  /** Given up after, ms. */
  readonly withinMillis: number
  /** Whether it asks for a session of its own, as a pool does. */
  readonly isMarked: boolean
}

/** Opens a connection as a pool would, and writes down how that goes. Rejects only for what the options name and can't be read. */
export async function attempt(host: Host, address: Address, options: AttemptOptions): Promise<Attempt> {
  const { pool, withinMillis, isMarked } = options
  const client = new Client({ ...(copyOptions(pool) as object), connectionTimeoutMillis: 0, ...host.options })
  if (isMarked) markSession(client as PgClient)
  const observed: Observed = {
    host: client.host,
    port: client.port,
    user: String(client.user),
    database: String(client.database),
  }
  const { connection } = client as unknown as { connection: Connection }
  watch(connection, observed, address.tls === undefined ? 'X25519' : 'prime256v1')
  // A file that it can't read is a fault of the options.
  if (address.tls !== undefined) verifyHost(client as PgClient, address.tls)
  try {
    client.on('error', () => {})
    await bounded(client, client.connect(), withinMillis)
    return { observed, client, error: undefined }
  } catch (error) {
    connection.stream.destroy()
    return { observed, client: undefined, error }
  }
}

/** Gives a client up that takes too long, with the code `LATE`. */
export async function bounded<T>(client: Client, work: Promise<T>, withinMillis: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  // What it fails with once it is given up, nobody has to know.
  work.catch(() => {})
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(Object.assign(new Error(`no answer within ${withinMillis} ms`), { code: 'LATE' }))
      ;(client as unknown as { connection: Connection }).connection.stream.destroy()
    }, withinMillis)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** `guessed` is the group for which Node.js sends a key unasked. */
function watch(connection: Connection, observed: Observed, guessed: string): void {
  const socket = connection.stream as Socket
  let last = performance.now()
  /** The time since the step before. */
  const since = (): number => {
    const [before, now] = [last, performance.now()]
    last = now
    return now - before
  }
  socket.once('lookup', (error, address: string) => {
    observed.lookupMillis = since()
    if (!error) observed.address = address
  })
  socket.once('connect', () => {
    observed.connectMillis = since()
  })
  let asks = 0
  socket.once('data', (data: Buffer | string) => {
    // Before pg sees it, which would take it for something else, or wait for the rest of it.
    const bytes = Buffer.from(data)
    if (bytes.toString() === 'N') observed.refusesTls = true
    if (isAnswer(bytes)) asks = 1
    else {
      observed.speaks = bytes.toString().startsWith('HTTP/') ? 'HTTP' : 'another protocol'
      socket.destroy()
    }
  })
  connection.once('sslconnect', () => {
    const secured = connection.stream as TLSSocket
    secured.once('secureConnect', () => {
      observed.tlsMillis = since()
      observed.tls = tlsOf(secured, guessed, asks)
    })
  })
  const asked = (method: SignInMethod) => () => {
    observed.method = method
  }
  connection.once('authenticationCleartextPassword', asked('clear text'))
  connection.once('authenticationMD5Password', asked('md5'))
  connection.once('authenticationSASL', asked('scram-sha-256'))
  connection.once('authenticationSASLContinue', ({ data }: { readonly data?: string }) => {
    const iterations = /(?:^|,)i=(\d+)/.exec(data ?? '')?.[1]
    if (iterations !== undefined) observed.iterations = Number(iterations)
  })
  connection.once('authenticationOk', () => {
    observed.method ??= 'nothing'
    observed.signInMillis = since()
  })
  connection.once('readyForQuery', () => {
    observed.readyMillis = since()
  })
}

/** What a server may say first: one letter about TLS, or a request to sign in, an error, a notice or a version, with its length. */
function isAnswer(bytes: Buffer): boolean {
  if (bytes.length < 5) return /^[SNREv]/.test(bytes.toString('latin1'))
  return /^[RENv]/.test(bytes.toString('latin1', 0, 1)) && bytes.readInt32BE(1) < LONGEST_ANSWER
}

function tlsOf(socket: TLSSocket, guessed: string, asks: number): ObservedTls {
  const protocol = socket.getProtocol() ?? 'TLS'
  const { issuer, valid_to: validTo } = socket.getPeerCertificate()
  const { name: group } = socket.getEphemeralKeyInfo() as { name?: string }
  const isGuessedWrong = protocol === 'TLSv1.3' && group !== undefined && group !== guessed
  return {
    protocol,
    group,
    isVerified: socket.authorized,
    issuer: [issuer?.O, issuer?.CN].flat().filter(Boolean).join(', ') || undefined,
    validTo,
    roundTrips: asks + (protocol === 'TLSv1.3' ? 1 : 2) + (isGuessedWrong ? 1 : 0),
  }
}
