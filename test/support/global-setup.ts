import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
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
  buildWhenStale()
  const server = await startPostgres({ settings: { max_connections: '200', authentication_timeout: '5s' } })
  const { host, port, user, password } = server
  project.provide('postgres', { host, port, user, password })
  return () => server.close()
}

function buildWhenStale(): void {
  const isStale = () => modifiedAt(join('dist', 'index.js')) < newestIn('src')
  if (!isStale()) return
  try {
    execFileSync(process.execPath, [join('scripts', 'build.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] })
  } catch (error) {
    // The types come last, and have a check of their own: tests need the code.
    if (isStale()) throw error
  }
}

function newestIn(directory: string): number {
  const entries = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  return Math.max(...entries.map((entry) => modifiedAt(join(directory, entry))))
}

function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY
}
