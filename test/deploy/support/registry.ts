import { shell } from './shell'

/** Why nothing can be installed here, if so. */
export const noRegistry: string | undefined = await shell('npm view pg version --fetch-retries 0').then(
  () => undefined,
  (error) => `no registry: ${String(error).split('\n')[0]}`,
)
