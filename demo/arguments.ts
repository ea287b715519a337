import { parseArgs } from 'node:util'
import type { Act } from './acts/act'
import { acts } from './acts/index'

/** What a run was asked for. */
export interface DemoArguments {
  /** Print the data on the last line, and write no file. */
  readonly json: boolean
  /** Renew the picture of the README, and the data that it is made from. */
  readonly svg: boolean
  readonly acts: readonly Act[]
}

/** An argument can't be understood; the text says what can. */
export class UnknownArgument extends Error {
  override readonly name = 'UnknownArgument'
}

const usage = 'npm run demo [-- [--json | --svg] [--act NAME]…]'

/**
 * Reads the command line. Several `--act` are played in the order of the demo.
 * @throws UnknownArgument with the name of what it does not know.
 */
export function readArguments(args: readonly string[]): DemoArguments {
  const { json, svg, act: names } = parsed(args)
  const known = acts.map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new UnknownArgument(`There is no act '${unknown}'; there are ${known.join(', ')}`)
  if (json && svg) throw new UnknownArgument(`Either '--json' or '--svg': ${usage}`)
  if (svg && names.length > 0) throw new UnknownArgument(`The picture has all acts, so '--svg' takes no '--act'`)
  return { json, svg, acts: names.length === 0 ? acts : acts.filter(({ name }) => names.includes(name)) }
}

function parsed(args: readonly string[]): { json: boolean; svg: boolean; act: string[] } {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean', default: false },
        svg: { type: 'boolean', default: false },
        act: { type: 'string', multiple: true, default: [] },
      },
    }).values
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (code.startsWith('ERR_PARSE_ARGS_')) throw new UnknownArgument(`${message}: ${usage}`, { cause: error })
    throw error
  }
}
