import { resolve } from 'node:path'
import { installWorkspace, linkPackage } from '../../support/workspace'

/** A workspace of its own, so that who works on the pool does not install everything that services are packaged with. */
export const packagesFolder = resolve('test', 'builders', 'packages')

/** Has the packages installed. @throws Error with what npm said. */
export function installPackages(): void {
  installWorkspace(packagesFolder)
  linkPackage(packagesFolder)
}
