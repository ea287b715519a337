import { createPool, wrapHandler } from 'pg-thaw'
import { credentialsFrom } from 'pg-thaw/credentials'
import { handlerWith } from './function'
import { idleLimitMillis } from './limits'
import { readPassword } from './secret'

const pool = createPool({
  max: 1,
  // The demo has seconds, not minutes: its default is 75 s.
  leaseMillis: idleLimitMillis,
  credentials: credentialsFrom(() => ({ user: process.env.PGUSER ?? '', password: readPassword() })),
})

export const handler = wrapHandler(
  handlerWith({
    query: (text, values) => pool.query(text, values),
    hold: (work) => pool.use(work),
    take: () => pool.connect(),
  }),
)
