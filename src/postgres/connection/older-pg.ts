import type { Client } from 'pg'
import type { PgClient } from './pg-client.js'

/** Whether clients of this class may send a query before the one ahead of it is answered: those of pg from 8.23 on. */
export function pipelines({ prototype }: { readonly prototype: Client }): boolean {
  return '_pulsePipelinedQueryQueue' in prototype
}

/** Has a client of pg before 8.21 keep what the server says of its transaction, as those since do. One of another make is left as it is. */
export function knowingItsTransaction(client: PgClient): PgClient {
  if (client.connection === undefined || client.getTransactionStatus !== undefined) return client
  const own: Pick<PgClient, '_txStatus' | 'getTransactionStatus'> = {
    _txStatus: null,
    getTransactionStatus: () => client._txStatus ?? null,
  }
  // Ahead of pg, which gives the client back when it hears that.
  client.connection.prependListener('readyForQuery', ({ status }: { readonly status: string }) => {
    Object.assign(client, { _txStatus: status })
  })
  return Object.assign(client, own)
}
