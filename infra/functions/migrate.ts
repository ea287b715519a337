import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda'
import { wrapHandler } from 'pg-thaw'
import { secretsManager } from 'pg-thaw/secrets-manager'
import { ANSWER_MILLIS, answerCloudFormation } from './custom-resource'
import { openDatabase } from './database'
import { logError } from './log'
import { type AppUser, migrate } from './migration'

const { DATABASE_ADMIN_SECRET_ID, DATABASE_SECRET_ID } = process.env

const pool = openDatabase(DATABASE_ADMIN_SECRET_ID, {
  // A database that was paused needs up to half a minute.
  connectionTimeoutMillis: 60_000,
  // Whatever hangs, there is time left to say so.
  deadlineMarginMillis: ANSWER_MILLIS + 1000,
})

/** The user that is made; none where the functions sign in as the migration does. */
const appUser =
  DATABASE_ADMIN_SECRET_ID && DATABASE_SECRET_ID ? secretsManager({ secretId: DATABASE_SECRET_ID }) : undefined

/**
 * Migrates the database once per deployment, as a custom resource of CloudFormation, whose requests it answers always: with what was
 * wrong, if something was. To delete it changes nothing. Called by hand, it migrates and fails as any function.
 */
export const handler = wrapHandler(
  async (event: CloudFormationCustomResourceEvent | Record<string, never>, context: Context): Promise<void> => {
    if (event.ResponseURL === undefined) return migrate(pool, await readAppUser())
    const request = event as CloudFormationCustomResourceEvent
    try {
      if (request.RequestType !== 'Delete') await migrate(pool, await readAppUser())
    } catch (error) {
      logError(context, 'the migration failed', error)
      return answerCloudFormation(request, { Status: 'FAILED', Reason: `The migration failed: ${textOf(error)}` })
    }
    return answerCloudFormation(request, { Status: 'SUCCESS' })
  },
)

async function readAppUser(): Promise<AppUser | undefined> {
  const { user, password } = (await appUser?.({ fresh: true, signal: AbortSignal.timeout(10_000) })) ?? {}
  return user === undefined || password === undefined ? undefined : { name: user, password }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
