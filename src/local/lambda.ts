/** The local Lambda: another entry of the package, with a program beside it that runs in each environment. */
export { LocalLambdaError, startLambda } from '../testing/index.js'
