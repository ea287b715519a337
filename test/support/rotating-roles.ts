import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import type { PostgresServer } from '../../scripts/postgres-server'
import type { RotationSteps } from './secrets-manager'

/** Two roles of a server whose passwords a secret has, as Secrets Manager's own rotating functions see them. */
export class RotatingRoles {
  readonly names: readonly [string, string]
  readonly #server: PostgresServer
  readonly #admin: Client

  private constructor(server: PostgresServer, admin: Client) {
    const suffix = randomBytes(4).toString('hex')
    this.names = [`one_${suffix}`, `two_${suffix}`]
    this.#server = server
    this.#admin = admin
  }

  static async create(server: PostgresServer): Promise<RotatingRoles> {
    const { host, port, user, password, database } = server
    const admin = new Client({ host, port, user, password, database, application_name: 'admin' })
    admin.on('error', () => {})
    await admin.connect()
    const roles = new RotatingRoles(server, admin)
    for (const name of roles.names) await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD '${name} at first'`)
    return roles
  }

  /** What the secret holds before the first rotation. */
  get secretAtFirst(): string {
    return this.secret(this.names[0], `${this.names[0]} at first`)
  }

  secret(username: string, password: string): string {
    const { host, port } = this.#server
    return JSON.stringify({ engine: 'postgres', host, port, username, password, dbname: 'postgres' })
  }

  /** The steps of a rotation that gives the same user a new password, or, in turn, the other one. */
  steps(which: 'same' | 'other', between: RotationSteps['between']): RotationSteps {
    return {
      create: (current) => {
        const { username } = JSON.parse(current)
        const next = which === 'same' ? username : this.names.find((name) => name !== username)
        return this.secret(next, randomBytes(12).toString('hex'))
      },
      set: (pending) => this.alter(pending),
      test: (pending) => this.#signIn(pending),
      ...(between !== undefined && { between }),
    }
  }

  /** Makes a secret true. */
  async alter(secret: string): Promise<void> {
    const { username, password } = JSON.parse(secret)
    await this.#admin.query(`ALTER ROLE ${username} PASSWORD '${password}'`)
  }

  /** How many sessions a role has. */
  async sessions(name: string): Promise<number> {
    const { rows } = await this.#admin.query('SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = $1', [
      name,
    ])
    return rows[0].n
  }

  async drop(): Promise<void> {
    for (const name of this.names) await this.#admin.query(`DROP ROLE ${name}`)
    await this.#admin.end()
  }

  async #signIn(secret: string): Promise<void> {
    const { host, port, username: user, password, dbname: database } = JSON.parse(secret)
    const client = new Client({ host, port, user, password, database })
    await client.connect()
    await client.end()
  }
}
