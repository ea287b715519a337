export { type Budget, drawUpBudget } from './budget.js'
export { withEnvironments } from './concurrency/environments.js'
export { WORKER_COUNT } from './concurrency/managed-instances.js'
export type { Change, Deployment, Sources, Wording } from './deployment.js'
export { BudgetError, Problems, wrongValue } from './errors.js'
export { resolveTemplate } from './expressions.js'
export { deploymentOf, type Flagged, type Flags } from './flags/index.js'
export { report } from './report/report.js'
export {
  type FunctionSettings,
  isPooled,
  readSettings,
  type Settings,
} from './settings/settings.js'
export { type Deployed, readContent, readDeployed, type StatedFunction, withStated } from './sources/index.js'
export { asked } from './sources/unreadable.js'
export { summaryOf } from './summary.js'
export { asCount, type Resource, record, resourcesOf } from './template.js'
export { yamlLines } from './yaml-lines.js'
