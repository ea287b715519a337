import type { DatabaseAddress, Surroundings } from './bench.js'

export function databaseOf({ database }: Surroundings): DatabaseAddress {
  if (database === undefined) throw new Error('bug: a bench did not say that it needs a database')
  return database
}

export function distantDatabaseOf({ distantDatabase }: Surroundings): DatabaseAddress {
  if (distantDatabase === undefined) throw new Error('bug: a bench did not say that it needs a distant database')
  return distantDatabase
}
