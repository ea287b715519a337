// What `pg` exports and this library has nothing of its own for: so that only the name in an import has to change. Not `native`, which
// would be loaded by whoever imports anything.
export type * from 'pg'
export {
  Client,
  Connection,
  DatabaseError,
  defaults,
  escapeIdentifier,
  escapeLiteral,
  Query,
  Result,
  TypeOverrides,
  types,
} from 'pg'
