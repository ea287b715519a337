import { Client } from 'pg'
import type { PostgresServer } from '../../scripts/postgres-server'
import { scramVerifier } from '../functions/scram-verifier'
import { newPassword, type SecretStore } from './secrets'

/** Names of the secrets, as the functions know them. */
export const ADMIN_SECRET = 'admin'
export const APP_SECRET = 'app'

const APP_USER = 'orders_app'
/** Long enough to be seen. */
const DOWN_MILLIS = 1500

/** What can happen to the database. */
export class DatabaseFaults {
  readonly #server: PostgresServer
  readonly #secrets: SecretStore
  #restarting: Promise<void> | undefined

  constructor(server: PostgresServer, secrets: SecretStore) {
    this.#server = server
    this.#secrets = secrets
    secrets.put(ADMIN_SECRET, server.user, server.password)
    secrets.put(APP_SECRET, APP_USER, newPassword())
  }

  /** Ends the server in an orderly way, and starts it again. Who asks meanwhile hears of the same one. */
  restart(): Promise<void> {
    this.#restarting ??= this.#restart().finally(() => {
      this.#restarting = undefined
    })
    return this.#restarting
  }

  /** Resolves when no restart is on its way. */
  async settled(): Promise<void> {
    await this.#restarting?.catch(() => {})
  }

  /** The functions' user gets another password, and the secret tells it. Sessions that are open stay. */
  async rotatePassword(): Promise<void> {
    const password = newPassword()
    await this.#ask(`ALTER ROLE ${APP_USER} PASSWORD '${scramVerifier(password)}'`)
    this.#secrets.put(APP_SECRET, APP_USER, password)
  }

  async #restart(): Promise<void> {
    await this.#server.stop()
    await new Promise((resolve) => setTimeout(resolve, DOWN_MILLIS))
    await this.#server.start()
  }

  async #ask(text: string): Promise<void> {
    const client = new Client({
      connectionString: this.#server.url,
      connectionTimeoutMillis: 2000,
      query_timeout: 2000,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query(text)
    } finally {
      await client.end().catch(() => {})
    }
  }
}
