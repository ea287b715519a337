export { type Examination, examine, type Patience } from './examine.js'
export type { Severity } from './finding.js'
export { reportOf } from './report.js'
