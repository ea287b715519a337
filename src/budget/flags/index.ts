export type { Flags } from './flags.js'
export { deploymentOf, type Flagged } from './settings-of-flags.js'
