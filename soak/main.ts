import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { soak } from './soak'
import { isGood, tables } from './summary'

/** What somebody at the terminal can put right. */
class WrongArguments extends Error {}

/** Freezes environments over and over while everything around them fails; the exit status says whether anything was lost. */
async function main(signal: AbortSignal): Promise<void> {
  const { minutes, seed, json } = readArguments()
  // Whoever reads the JSON may read the progress elsewhere.
  const report = json ? console.error : console.log
  report(`${minutes} minutes with --seed ${seed}`)
  const summary = await soak({ minutes, seed, signal, report })
  report(`\n${tables(summary)}`)
  if (json) console.log(JSON.stringify(summary))
  if (!isGood(summary)) process.exitCode = 1
}

function readArguments(): { minutes: number; seed: number; json: boolean } {
  const { minutes, seed, json } = parsed()
  const length = Number(minutes)
  if (!(length > 0)) throw new WrongArguments(`Expected \`--minutes\` to be a positive number, got \`${minutes}\``)
  const number = Number(seed)
  if (!Number.isInteger(number)) throw new WrongArguments(`Expected \`--seed\` to be an integer, got \`${seed}\``)
  return { minutes: length, seed: number, json }
}

function parsed() {
  try {
    const options = {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      json: { type: 'boolean', default: false },
    } as const
    return parseArgs({ options }).values
  } catch (error) {
    throw new WrongArguments(error instanceof Error ? error.message : String(error))
  }
}

const interruption = new AbortController()
for (const [name, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  // Not once: npm, tsx and the terminal may each pass on the same Ctrl-C. Cleaning up takes a moment, and is bounded.
  process.on(name, () => {
    process.exitCode = code
    interruption.abort()
  })
}

/** One line for what somebody at the terminal did. */
function told(error: unknown): unknown {
  return error instanceof WrongArguments ? `${error.message}: npm run soak [-- --minutes N] [--seed N] [--json]` : error
}

main(interruption.signal).catch((error: unknown) => {
  if (interruption.signal.aborted) return
  process.exitCode = 1
  console.error(told(error))
})
