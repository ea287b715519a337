import { describe } from 'vitest'

/**
 * The tests of `describe`, unless something stands against it on this machine: then they are skipped, and the output says why.
 * Continuous integration has to have everything: there it fails.
 */
export function describeUnless(reason: string | undefined, name: string, tests: () => void): void {
  if (reason === undefined) {
    describe(name, tests)
    return
  }
  if (process.env.CI) throw new Error(`Cannot run "${name}": ${reason}`)
  describe.skip(name, tests)
  process.stderr.write(`SKIPPED: ${name}: ${reason}\n`)
}

/** Why something can't be had, in the words of what prepares it: npm's, mostly. */
export function whyNot(prepare: () => void): string | undefined {
  try {
    prepare()
    return undefined
  } catch (error) {
    return String(error).trim().split('\n').slice(0, 6).join('\n  ')
  }
}
