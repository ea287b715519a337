export { compare } from './comparison.js'
export { plotOf } from './plot.js'
export { CallsError, type Recorded, readCalls } from './read-calls.js'
export { reportOf } from './report.js'
