import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { readZip } from '../../serverless/support/archive'
import { type CompiledTemplate, ofType } from '../../serverless/support/compiled-template'

const PACKAGED = '.serverless'

/** A function as it would be on Lambda: its zip unpacked, and what the template says of it. */
export interface UnpackedFunction {
  readonly name: string
  /** Where it is unpacked. */
  readonly root: string
  readonly module: string
  readonly files: ReadonlyMap<string, Buffer>
  /** From the template, with {@link TASK_ROOT} replaced; what only AWS could resolve is left out. */
  readonly environment: Readonly<Record<string, string>>
  /** The names of the variables that were left out. */
  readonly unresolved: readonly string[]
  readonly timeoutMillis: number
}

/** Where Lambda unpacks a function. */
const TASK_ROOT = '/var/task'

export function packagedTemplate(): CompiledTemplate {
  return JSON.parse(readFileSync(join(PACKAGED, 'cloudformation-template-update-stack.json'), 'utf8'))
}

/** The bytes of all zips, by name. */
export function zips(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, readFileSync(zipOf(name)).toString('base64')]))
}

/** In the order in which Lambda's runtime looks for them. */
const EXTENSIONS = ['.js', '.mjs', '.cjs']

/** Unpacks all functions of the template into a folder of their own. */
export class Unpacked {
  readonly #directory = realpathSync(mkdtempSync(join(tmpdir(), 'pg-thaw-zips-')))
  readonly functions: Readonly<Record<string, UnpackedFunction>>

  /** @param zips The folder that has the zips. */
  constructor(template: CompiledTemplate, zips = PACKAGED) {
    const all = ofType(template, 'AWS::Lambda::Function').map(([, { Properties }]) => {
      const { FunctionName, Handler, Environment, Timeout, Code } = Properties ?? {}
      const name = String(FunctionName).split('-').at(-1) ?? ''
      const zip = join(zips, basename(Code.S3Key))
      return this.#unpack(name, zip, String(Handler), Environment?.Variables ?? {}, Number(Timeout))
    })
    this.functions = Object.fromEntries(all.map((it) => [it.name, it]))
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #unpack(
    name: string,
    zip: string,
    handler: string,
    variables: Record<string, unknown>,
    timeout: number,
  ): UnpackedFunction {
    const root = join(this.#directory, name)
    const files = readZip(zip)
    for (const [file, content] of files) {
      mkdirSync(dirname(join(root, file)), { recursive: true })
      writeFileSync(join(root, file), content)
    }
    const environment: Record<string, string> = {}
    const unresolved: string[] = []
    for (const [key, value] of Object.entries(variables)) {
      if (typeof value === 'string') environment[key] = value.replaceAll(TASK_ROOT, root)
      else unresolved.push(key)
    }
    const stem = handler.replace(/\.handler$/, '')
    const file = EXTENSIONS.map((extension) => stem + extension).find((it) => files.has(it))
    if (file === undefined) throw new Error(`${handler} is not in ${zip}`)
    return { name, root, module: join(root, file), files, environment, unresolved, timeoutMillis: timeout * 1000 }
  }
}

function zipOf(name: string): string {
  return join(PACKAGED, `${name}.zip`)
}
