import { resolve } from 'node:path'
import { installWorkspace, linkPackage } from '../../support/workspace'

/** Where the programs are that use packages of other places. */
export const packagesFolder = resolve('test', 'elsewhere', 'packages')

/** Has those packages installed. @throws Error with what npm said. */
export function installPackages(): void {
  installWorkspace(packagesFolder)
  linkPackage(packagesFolder)
}
