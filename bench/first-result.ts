import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Sample } from './turns.js'

const run = promisify(execFile)

/**
 * From the start of a bundle, in a process of its own, until its export `first` has resolved. Node.js's own start is over when it begins
 * to count, and `loaded` is too, which the bundle does not have to load any more.
 */
export async function timeToFirst(
  file: string,
  env: NodeJS.ProcessEnv,
  loaded: readonly string[] = [],
): Promise<Sample> {
  const program = `
    for (const name of ${JSON.stringify(loaded)}) require(name)
    const cpu = process.cpuUsage()
    const began = performance.now()
    const { first } = require(${JSON.stringify(file)})
    first().then(() => {
      const wallMicros = (performance.now() - began) * 1000
      const { user, system } = process.cpuUsage(cpu)
      process.stdout.write(JSON.stringify({ wallMicros, cpuMicros: user + system }), () => process.exit())
    })`
  const { stdout } = await run(process.execPath, ['-e', program], { env })
  return JSON.parse(stdout)
}
