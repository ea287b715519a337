import { join } from 'node:path'

/**
 * From the built package: this repository's path mapping leads to its sources, where the runtime that an environment
 * starts is not a program yet.
 */
export const { startLambda, LambdaThrottledError }: typeof import('pg-thaw/testing') = require(
  join(__dirname, '..', '..', 'dist', 'testing', 'index.js'),
)
