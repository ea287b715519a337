import { existsSync, readFileSync, statSync } from 'node:fs'
import { record } from '../template.js'
import { isCdk, readCdk } from './cdk/cdk.js'
import { isTemplate, readCloudFormation } from './cloudformation.js'
import type { Deployed } from './deployed.js'
import { parse } from './parse.js'
import { isTranslated, readAwsProvider } from './provider/aws-provider.js'
import type { ProviderResource } from './provider/provider-resource.js'
import { isPartial, isPulumi, resourcesOfPulumi } from './provider/pulumi.js'
import { isTerraform, resourcesOfTerraform } from './provider/terraform.js'
import { asked, refused, unreadable } from './unreadable.js'
import { PULUMI_WORDS, TERRAFORM_WORDS, type Words } from './words.js'

export type { Deployed } from './deployed.js'
export { type StatedFunction, withStated } from './stated.js'

/**
 * Reads what a deployment tool says of a deployment: a file, or the directory of a synthesised app of CDK. Which tool it is, its content
 * says.
 *
 * @param stacks Those that count, of several in a `cdk.out`; all where none is named.
 * @throws {BudgetError} `PG_THAW_CONFIGURATION`, in a line that quotes nothing of it.
 */
export function readDeployed(path: string, stacks: readonly string[]): Deployed {
  if (!isDirectory(path)) return readContent(path, contentOf(path), stacks)
  const directory = path.replace(/(?<=.)\/+$/, '')
  const read = (file: string) => record(parse(file, contentOf(file)))
  const manifest = `${directory}/manifest.json`
  if (!existsSync(manifest)) {
    throw unreadable(
      path,
      'a directory without the manifest.json that `cdk synth` leaves in its own: run it, or take a file',
    )
  }
  if (!isCdk(read(manifest))) throw unreadable(path, 'a directory that is no cdk.out')
  return readCdk(directory, read, stacks)
}

/** The same, of a file that is read already. */
export function readContent(file: string, bytes: Buffer, stacks: readonly string[] = []): Deployed {
  if (stacks.length > 0) throw refused(`command line: --stack: expected none, as ${file} is no cdk.out`)
  const parsed = parse(file, bytes)
  const top = record(parsed)
  if (isTerraform(top)) return ofProvider(file, 'Terraform', resourcesOfTerraform(top), TERRAFORM_WORDS)
  if (isPartial(top))
    throw asked(`${file}: a preview without what stays as it is: expected that of pulumi preview --json --show-sames`)
  if (isPulumi(top)) return ofProvider(file, 'Pulumi', resourcesOfPulumi(top), PULUMI_WORDS)
  if (isTemplate(top)) return readCloudFormation(file, top)
  throw unreadable(file, kindOf(parsed, top))
}

function ofProvider(file: string, tool: string, resources: readonly ProviderResource[], words: Words): Deployed {
  if (resources.some(({ type }) => isTranslated(type))) return readAwsProvider(file, resources, words)
  const providers = [...new Set(resources.map(({ type }) => type.split(/[_:]/, 1)[0]))]
  const found = providers.length === 0 ? 'without resources' : `with resources of ${providers.sort().join(', ')}`
  throw unreadable(file, `one of ${tool} ${found}, and no function or database of the provider aws`)
}

/** What people take for it. */
function kindOf(parsed: unknown, top: Readonly<Record<string, unknown>>): string {
  const keys = Object.keys(top)
  if (keys.length === 0) return Array.isArray(parsed) ? 'a list' : 'a text, or nothing'
  if ('service' in top && 'provider' in top) {
    return 'the configuration of a Serverless Framework service: run `serverless pg-thaw budget`, or take the template that `serverless package` leaves in .serverless'
  }
  if ('lineage' in top) return 'a state file of Terraform as it is stored: take the output of `terraform show -json`'
  if ('app' in top) return 'the configuration of an app of CDK: run `cdk synth`, and take the directory cdk.out'
  if ('artifacts' in top) return 'the manifest of a cdk.out: take the directory'
  if ('format_version' in top) return 'one of Terraform without resources'
  return 'something else'
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw unreadable(file, `no file that can be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
