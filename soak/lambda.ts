import { join } from 'node:path'

/** From the built package: its environments are processes of their own, which need the files beside it. */
export const { startLambda, startRelay }: typeof import('pg-thaw/testing') = require(
  join(__dirname, '..', 'dist', 'testing', 'index.js'),
)
