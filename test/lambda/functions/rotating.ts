import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'
import { secretsExtension } from 'pg-thaw/secrets-extension'
import { secretsManager } from 'pg-thaw/secrets-manager'

/** What a call answers. */
export interface SignedIn {
  /** As whom the call's two connections had signed in. */
  readonly users: string[]
  /** Connections that this environment has opened so far. */
  readonly dials: number
}

const { PGHOST: host, PGPORT: port, SECRET_ID: secretId = '', CA_FILE: sslrootcert, PROVIDER: provider } = process.env

const pool = createPool({
  host,
  port: Number(port),
  credentials: provider === 'extension' ? secretsExtension({ secretId }) : secretsManager({ secretId }),
  ssl: 'verify-full',
  sslrootcert,
  max: 2,
  min: 1,
  ...(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions),
})

/** Works on two connections, of which the freeze left at most one: the other is opened in each call. */
export const handler = wrapHandler(async (): Promise<SignedIn> => {
  const user = () =>
    pool.use(async (client) => {
      const { rows } = await client.query<{ name: string }>('SELECT current_user AS name')
      await client.query('SELECT 1')
      return rows.map(({ name }) => name)
    })
  const users = (await Promise.all([user(), user()])).flat()
  return { users, dials: pool.stats().dials }
})
