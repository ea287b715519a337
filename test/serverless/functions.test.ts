import { describe, expect, it } from 'vitest'
import type { FunctionSettings } from '../../src/budget'
import { setPoolVariables } from '../../src/serverless/environment'
import type { FunctionConfiguration } from '../../src/serverless/framework'

const settings: FunctionSettings = {
  max: 2,
  min: 1,
  target: 'direct',
  pools: 1,
  workers: undefined,
  environments: undefined,
  goodbye: true,
  wrap: false,
}

describe('the variables of a pool', () => {
  it('are what the budget was drawn up with, beside the function’s own', () => {
    const configuration: FunctionConfiguration = { environment: { LEVEL: 'info' } }
    setPoolVariables('api', configuration, settings, {}, 'serverless.yml')
    setPoolVariables('api', configuration, settings, {}, 'serverless.yml')
    expect(configuration.environment).toEqual({
      LEVEL: 'info',
      PG_THAW_MAX: '2',
      PG_THAW_MIN: '1',
      PG_THAW_TARGET: 'direct',
    })
  })

  it('leave to the pool what nobody has said', () => {
    const configuration: FunctionConfiguration = {}
    setPoolVariables(
      'api',
      configuration,
      { ...settings, max: undefined, min: undefined, target: undefined },
      {},
      'serverless.yml',
    )
    expect(configuration.environment).toBeUndefined()
  })

  it('have the number of workers beside them, where it was given: the runtime reads it', () => {
    const configuration: FunctionConfiguration = {}
    setPoolVariables('api', configuration, { ...settings, workers: 4 }, {}, 'serverless.yml')
    expect(configuration.environment).toMatchObject({ AWS_LAMBDA_NODEJS_WORKER_COUNT: '4' })
    const own: FunctionConfiguration = { environment: { AWS_LAMBDA_NODEJS_WORKER_COUNT: '2' } }
    setPoolVariables('api', own, settings, {}, 'serverless.yml')
    expect(own.environment).toMatchObject({ AWS_LAMBDA_NODEJS_WORKER_COUNT: '2' })
    expect(() => setPoolVariables('api', own, { ...settings, workers: 4 }, {}, 'serverless.yml')).toThrow(
      'serverless.yml: functions.api.environment.AWS_LAMBDA_NODEJS_WORKER_COUNT: expected none, as custom.pgThaw.functions.api.workers sets it, got "2" (string)',
    )
  })

  it('are none for a function that opens no sessions', () => {
    const configuration: FunctionConfiguration = {}
    setPoolVariables('api', configuration, { ...settings, max: 0 }, {}, 'serverless.yml')
    expect(configuration.environment).toBeUndefined()
  })

  it('are not set by hand, in the function or for all', () => {
    expect(() =>
      setPoolVariables('api', { environment: { PG_THAW_MAX: '9' } }, settings, {}, 'serverless.yml'),
    ).toThrow(
      'serverless.yml: functions.api.environment.PG_THAW_MAX: expected none, as custom.pgThaw.functions.api.max sets it, got "9" (string)',
    )
    expect(() => setPoolVariables('api', {}, settings, { PG_THAW_TARGET: 'pgbouncer' }, 'serverless.yml')).toThrow(
      'serverless.yml: provider.environment.PG_THAW_TARGET: expected none, as custom.pgThaw.functions.api.target sets it, got "pgbouncer" (string)',
    )
  })
})
