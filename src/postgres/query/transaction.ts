import type { PoolClient } from 'pg'
import { PoolError } from '../../pool/errors.js'
import { isConflict } from './retry.js'

/**
 * Runs `work` between BEGIN and COMMIT. When it throws, the transaction is rolled back and the error passed on.
 *
 * @throws {PoolError} `POOL_TRANSACTION_ROLLED_BACK` when `work` resolved but a statement in it had failed, so that the server
 *   answered COMMIT with a rollback.
 */
export async function runInTransaction<T>(client: PoolClient, work: (client: PoolClient) => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    const result = await work(client)
    // COMMIT in a failed transaction succeeds, as a ROLLBACK.
    const { command } = await client.query('COMMIT')
    if (command === 'ROLLBACK') {
      throw new PoolError(
        'POOL_TRANSACTION_ROLLED_BACK',
        'the transaction was rolled back: a statement in it had failed, and its error was not passed on',
      )
    }
    return result
  } catch (error) {
    if (client.getTransactionStatus() !== 'I') await rollBack(client)
    throw error
  }
}

/** The error that led here is the one to tell; a client that could not be rolled back is retired on its return. */
async function rollBack(client: PoolClient): Promise<void> {
  try {
    await client.query('ROLLBACK')
  } catch {
    // See above.
  }
}

/** Longest pause before the first rerun, ms; doubled for each further one. */
const FIRST_PAUSE_MILLIS = 10

/** Runs it again, up to `retries` times, when the server says that it conflicted with another one (40001, 40P01). */
export async function withRetries<T>(retries: number, run: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await run()
    } catch (error) {
      if (attempt >= retries || !isConflict(error)) throw error
      // By chance, or those that conflicted would do so again.
      const millis = Math.random() * FIRST_PAUSE_MILLIS * 2 ** attempt
      await new Promise((resolve) => setTimeout(resolve, millis))
    }
  }
}
