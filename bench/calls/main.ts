import { join } from 'node:path'
import { startPostgres } from '../../scripts/postgres-server'
import { countCalls, listOf } from './count.js'

/** Lists what a warm query passes: `npx tsx bench/calls/main.ts [MAX]`. */
async function main(max: string | undefined): Promise<void> {
  await using server = await startPostgres()
  const { host, port, user, password, database } = server
  const address = { host, port, user, password, database }
  console.log(
    listOf(await countCalls(join(__dirname, '..', '..'), address, max === undefined ? undefined : Number(max))),
  )
}

main(process.argv[2]).catch((error: unknown) => {
  process.exitCode = 1
  console.error(error)
})
