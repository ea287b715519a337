import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../../scripts/postgres-server'

/** Where the PostgreSQL of this run listens, with its superuser. */
export interface PostgresCoordinates {
  host: string
  port: number
  user: string
  password: string
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: PostgresCoordinates
  }
}

/** One PostgreSQL for the whole run, and a dist/ that is as new as src/, for the tests that start processes of their own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  execFileSync(process.execPath, [join('scripts', 'build-when-stale.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] })
  const server = await startPostgres({ settings: { max_connections: '200', authentication_timeout: '5s' } })
  const { host, port, user, password } = server
  project.provide('postgres', { host, port, user, password })
  return () => server.close()
}
