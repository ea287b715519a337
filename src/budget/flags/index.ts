export type { Flags } from './flags.js'
export { deploymentOf } from './settings-of-flags.js'
