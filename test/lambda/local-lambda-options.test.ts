import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type LocalLambdaOptions, startLambda } from 'pg-thaw/testing'
import { expect, it } from 'vitest'

it('options are refused when they cannot work', async () => {
  const module = fileURLToPath(new URL('./fixtures/acts.mjs', import.meta.url))
  expect(existsSync(module)).toBe(true)
  const freezing = { initializationType: 'on-demand', freezeModel: 'process', idleLifetimeMillis: 1000 }
  const bad: [object, string][] = [
    [{ module: 'acts.mjs' }, 'absolute path'],
    [
      { module, timeoutMillis: 0 },
      'Expected `timeoutMillis` to be a positive number up to 2147483647, got `0` (number)',
    ],
    [{ module, freezeModel: 'deep' }, 'one of process, paused-machine, reset, forgotten-flow'],
    [{ module, timeoutMs: 5 }, 'Unknown option `timeoutMs`'],
    [{ module, nodePath: '/nowhere/node' }, 'Could not run `nodePath`'],
    [{ module: '/nowhere/acts.mjs' }, 'in a directory that exists'],
    [{ module, reservedConcurrency: 1.5 }, 'Expected `reservedConcurrency` to be an integer, got `1.5`'],
    [{ module, env: { PGPORT: 5432 } }, 'Expected `env` to be an object whose values are strings'],
    [{ module, database: 'postgres://localhost' }, 'Expected `database` to be an object with a `host` and a `port`'],
    [{ module, database: { host: 'localhost', port: Number.NaN } }, 'from 1 to 65535'],
    [{ module, onLog: 'loud' }, 'Expected `onLog` to be a function'],
    [{ module, concurrency: 0 }, 'Expected `concurrency` to be an integer from 1 to 1600, got `0` (number)'],
    [{ module, concurrency: 1601 }, 'Expected `concurrency` to be an integer from 1 to 1600'],
    [{ module, concurrency: '10' }, 'Expected `concurrency` to be an integer from 1 to 1600, got `10` (string)'],
    [
      { module, concurrency: 2, env: { AWS_LAMBDA_NODEJS_WORKER_COUNT: '0' } },
      'Expected `env.AWS_LAMBDA_NODEJS_WORKER_COUNT` to be an integer from 1 to 999, got `0` (string)',
    ],
    ...Object.keys(freezing).map((name): [object, string] => [
      { module, concurrency: 2, [name]: freezing[name as keyof typeof freezing] },
      `Expected \`${name}\` to be left out with \`concurrency\`, where nothing freezes`,
    ]),
    [module as unknown as object, 'Expected the options to be an object such as { module }'],
  ]
  for (const [options, message] of bad) {
    const refused = startLambda(options as LocalLambdaOptions)
    await expect(refused).rejects.toMatchObject({ code: 'LAMBDA_OPTIONS', message: expect.stringContaining(message) })
  }
})
