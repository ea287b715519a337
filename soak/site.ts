import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import type { Relay } from 'pg-thaw/testing'
import { type Demotion, query, ReplicatedServers } from '../test/support/replicated-servers'
import { SecretsExtensionDouble } from '../test/support/secrets-extension'
import { SecretsManagerDouble } from '../test/support/secrets-manager'
import { startRelay } from './lambda'

/** Roles that the functions sign in as, in turn. */
const roles = ['soak_one', 'soak_two'] as const
/** Whose sessions take the room of others. */
const crowd = 'soak_crowd'
const secretId = 'soak/database'

/** Room for the functions' sessions, with some to spare. */
const maxConnections = 60
const settings = { max_connections: String(maxConnections), superuser_reserved_connections: '5' }

/** Some rows take their time when they are written, and others when they are committed, for faults to meet them there. */
const dawdling = `
  CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.03); RETURN NEW; END $$;
  CREATE TRIGGER statement BEFORE INSERT ON writes FOR EACH ROW WHEN (NEW.key % 20 < 2) EXECUTE FUNCTION dawdle();
  CREATE CONSTRAINT TRIGGER commit AFTER INSERT ON writes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.key % 20 BETWEEN 2 AND 3) EXECUTE FUNCTION dawdle();`

type Close = () => Promise<void>

/** What stands around the functions: two servers behind one name, a secret, a resolver; and all that can happen to them. */
export class Site {
  readonly servers: ReplicatedServers
  /** The name's address. Faults of the network between strike here. */
  readonly name: Relay
  readonly #service: SecretsManagerDouble
  readonly #extension: SecretsExtensionDouble
  readonly #resolver: string
  readonly #closing: readonly Close[]
  /** Where nobody listens. */
  readonly #nowhere: { readonly host: string; readonly port: number }

  private constructor(
    servers: ReplicatedServers,
    name: Relay,
    service: SecretsManagerDouble,
    extension: SecretsExtensionDouble,
    resolver: string,
    nowhere: { host: string; port: number },
    closing: readonly Close[],
  ) {
    this.servers = servers
    this.name = name
    this.#service = service
    this.#extension = extension
    this.#resolver = resolver
    this.#nowhere = nowhere
    this.#closing = closing
  }

  static async open(): Promise<Site> {
    const closing: Close[] = []
    try {
      const servers = await ReplicatedServers.start({ settings })
      closing.push(() => servers.close())
      const { host, port } = servers.primary
      const name = await startRelay({ host, port })
      closing.push(() => name.close())
      const nowhere = await startRelay({ host, port })
      await nowhere.close()
      const service = await SecretsManagerDouble.start()
      closing.push(() => service.close())
      // The double of the extension compares what it is told with its own.
      process.env.AWS_SESSION_TOKEN = service.environment.AWS_SESSION_TOKEN
      const extension = await SecretsExtensionDouble.start(service)
      closing.push(() => extension[Symbol.asyncDispose]())
      const directory = await mkdtemp(join(tmpdir(), 'pg-thaw-soak-'))
      closing.push(() => rm(directory, { recursive: true, force: true }))
      const { host: noHost, port: noPort } = nowhere
      const away = { host: noHost, port: noPort }
      const site = new Site(servers, name, service, extension, join(directory, 'resolver'), away, closing)
      await site.resolve('')
      await site.#createSchema()
      return site
    } catch (error) {
      await closeAll(closing)
      throw error
    }
  }

  /** What a function needs to find all this. Its own relay leads to {@link name}. */
  get environment(): Record<string, string> {
    return {
      ...this.#service.environment,
      PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: String(this.#extension.port),
      SECRET_ID: secretId,
      RESOLVER: this.#resolver,
    }
  }

  /** Ends every session of the functions, wherever it is. */
  async terminate(): Promise<void> {
    for (const server of [this.servers.primary, this.servers.standby]) {
      await query(server, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = ANY($1)`, [
        roles,
      ])
    }
  }

  /** Sessions of the functions. */
  async sessions(): Promise<number> {
    const counts = [this.servers.primary, this.servers.standby].map(async (server) => {
      const rows = await query(server, `SELECT FROM pg_stat_activity WHERE usename = ANY($1)`, [roles])
      return rows.length
    })
    return (await Promise.all(counts)).reduce((sum, count) => sum + count)
  }

  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    await this.servers.primary.stop(mode)
  }

  async start(): Promise<void> {
    await this.servers.primary.start()
  }

  /** Moves the name to the standby, in an order in which no acknowledged write is lost. In between it leads nowhere. */
  async failOver(demotion: Demotion, watch: (demote: () => Promise<void>) => Promise<void>): Promise<void> {
    this.name.redirect(this.#nowhere)
    try {
      await watch(() => this.servers.demote(demotion))
      await this.servers.promote()
    } finally {
      this.name.redirect(this.servers.primary)
    }
  }

  /** Other clients take each slot that is free; resolves with what lets them go. */
  async crowd(): Promise<() => Promise<void>> {
    const { host, port, database } = this.servers.primary
    const clients: Client[] = []
    for (let count = 0; count < maxConnections; count++) {
      const client = new Client({ host, port, database, user: crowd, password: crowd })
      client.on('error', () => {})
      try {
        await client.connect()
      } catch {
        break
      }
      clients.push(client)
    }
    return async () => {
      await Promise.all(clients.map((client) => client.end()))
    }
  }

  /** What the functions' resolver answers with: an error code, or with nothing the address. */
  async resolve(outage: 'EAI_AGAIN' | ''): Promise<void> {
    await writeFile(this.#resolver, outage)
  }

  /** Gives the same role a new password, or has the functions sign in as the other one. */
  async rotate(which: 'same' | 'other', between: () => Promise<void>): Promise<void> {
    // As much later as a rotation is, the extension's memory is empty.
    this.#extension.forget()
    await this.#service.rotate(secretId, {
      create: (current) => {
        const { username } = JSON.parse(current) as { username: string }
        const next = which === 'same' ? username : roles.find((role) => role !== username)
        return secretOf(next ?? username, randomBytes(12).toString('hex'))
      },
      set: (pending) => this.#alter(pending),
      between,
    })
    this.#extension.forget()
  }

  /** How often each key is there. */
  async keys(): Promise<Map<number, number>> {
    const rows = await query<{ key: number; times: number }>(
      this.servers.primary,
      'SELECT key, count(*)::int AS times FROM writes GROUP BY key',
    )
    return new Map(rows.map(({ key, times }) => [key, times]))
  }

  close(): Promise<void> {
    return closeAll(this.#closing)
  }

  async #createSchema(): Promise<void> {
    const passwords = roles.map(() => randomBytes(12).toString('hex'))
    const create = roles.map((role, at) => `CREATE ROLE ${role} LOGIN PASSWORD '${passwords[at]}';`).join('')
    // No key is unique to the server: it is to show what was written twice.
    await query(
      this.servers.primary,
      `${create} CREATE ROLE ${crowd} LOGIN PASSWORD '${crowd}';
       CREATE TABLE writes (key int); CREATE INDEX ON writes (key);
       ${dawdling}
       GRANT SELECT, INSERT ON writes TO ${roles.join(', ')}`,
    )
    this.#service.put(secretId, secretOf(roles[0], passwords[0] ?? ''))
  }

  async #alter(secret: string): Promise<void> {
    const { username, password } = JSON.parse(secret) as { username: string; password: string }
    await query(this.servers.primary, `ALTER ROLE ${username} PASSWORD '${password}'`)
  }
}

function secretOf(username: string, password: string): string {
  return JSON.stringify({ engine: 'postgres', username, password, dbname: 'postgres' })
}

/** What came last goes first. */
async function closeAll(closing: readonly Close[]): Promise<void> {
  for (const close of [...closing].reverse()) await close()
}
