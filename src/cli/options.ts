import { type ParseArgsConfig, parseArgs } from 'node:util'
import { UsageError } from './command.js'

type Options = NonNullable<ParseArgsConfig['options']>

/** Reads the arguments of a command. @throws UsageError that names what is not known or lacks its value. */
export function readArguments<const Known extends Options>(args: readonly string[], options: Known) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    // The rest is advice on how to begin an argument with a dash.
    const [text = ''] = (error as Error).message.split(/\. (?=To |Did )|\n/)
    throw new UsageError(
      text.replace(/argument is ambiguous\.$/, 'expects a value, and what follows begins with a dash'),
    )
  }
}

/** A number within bounds, as it was typed. @throws UsageError that names the option. */
export function numberOf(
  name: string,
  text: string,
  { least, most, isInteger = false }: { readonly least: number; readonly most: number; readonly isInteger?: boolean },
): number {
  const number = Number(text)
  const isNumber = text.trim() !== '' && number >= least && number <= most && (!isInteger || Number.isInteger(number))
  if (!isNumber) throw new UsageError(`Expected --${name} to be from ${least} to ${most}, got ${text}`)
  return number
}
