import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawUpBudget } from '../../src/budget/budget'
import { BudgetError, Problems } from '../../src/budget/errors'
import { withChanges } from '../../src/budget/plan/change'
import { planFor } from '../../src/budget/plan/plan'
import { aurora, budgetOf, deploymentOf, instance, type Parts, reportOf } from './support/budget-of'

/** The lines of the plan, as its reader sees them. */
function planOf(parts: Parts): string[] {
  const [, plan] = reportOf(parts).split('Or this, which fits:\n')
  return plan === undefined ? [] : plan.split('\n').map((line) => line.trim())
}

describe('the plan', () => {
  it('of a service whose functions have no bound is pools of one, and the same bound for each', () => {
    const parts = { pgThaw: {}, functions: { api: {}, queue: {} }, resources: instance('db.t4g.micro') }
    expect(budgetOf(parts).needed).toBe(10_010)
    expect(reportOf(parts)).toContain(`Or this, which fits:
  # serverless.yml
  custom:
    pgThaw:
      max: 1
  functions:
    api:
      reservedConcurrency: 32
    queue:
      reservedConcurrency: 32`)
  })

  it('is pools of one first, of as few functions as that takes', () => {
    const functions = { api: { reservedConcurrency: 30 }, queue: { reservedConcurrency: 10 } }
    expect(planOf({ pgThaw: { max: 2, maxConnections: 60 }, functions })).toEqual([
      '# serverless.yml',
      'custom:',
      'pgThaw:',
      'functions:',
      'api:',
      'max: 1',
    ])
  })

  it('is a larger database before less of a concurrency that somebody chose', () => {
    const functions = { api: { reservedConcurrency: 500 } }
    expect(planOf({ pgThaw: { max: 1 }, functions, resources: aurora(1, 2) }).slice(-2)).toEqual([
      'ServerlessV2ScalingConfiguration:',
      'MaxCapacity: 3',
    ])
    expect(planOf({ pgThaw: { max: 1 }, functions, resources: instance('db.t4g.micro') }).slice(-1)).toEqual([
      'DBInstanceClass: db.t4g.large',
    ])
    expect(planOf({ pgThaw: { max: 1, maxConnections: 110 }, functions }).slice(-1)).toEqual([
      'reservedConcurrency: 100',
    ])
  })

  it('is a larger database rather than hardly any concurrency', () => {
    const functions = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`f${n}`, {}]))
    const lines = planOf({ pgThaw: { max: 1 }, functions, resources: instance('db.t4g.micro') })
    expect(lines.filter((line) => line === 'reservedConcurrency: 5')).toHaveLength(20)
    expect(lines.at(-1)).toBe('DBInstanceClass: db.t4g.small')
  })

  it('is less for the pooler, where that is enough', () => {
    const pgThaw = { max: 1, target: 'pgbouncer', maxConnections: 100, proxy: { sessions: 95 } }
    expect(planOf({ pgThaw, functions: { api: {} } }).slice(-2)).toEqual(['proxy:', 'sessions: 90'])
  })

  it('leaves what is provisioned, and is none where nothing would do', () => {
    const api = { reservedConcurrency: 50, provisionedConcurrency: 20 }
    expect(planOf({ pgThaw: { max: 1, maxConnections: 30 }, functions: { api } }).slice(-1)).toEqual([
      'reservedConcurrency: 20',
    ])
    expect(planOf({ pgThaw: { max: 1, maxConnections: 29 }, functions: { api } })).toEqual([])
    expect(planOf({ pgThaw: { max: 1, maxConnections: 30 }, functions: {} })).toEqual([])
  })

  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
  const managed = (MaxExecutionEnvironments: number) => ({
    MemorySize: 2048,
    CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig: { CapacityProviderArn: 'arn' } },
    FunctionScalingConfig: { MaxExecutionEnvironments },
  })
  const functionArbitrary = fc.record({
    reserved: maybe(fc.integer({ min: 0, max: 100 })),
    provisioned: maybe(fc.integer({ min: 1, max: 20 })),
    managed: maybe(fc.integer({ min: 0, max: 10 })),
    settings: fc.record(
      {
        max: fc.integer({ min: 0, max: 12 }),
        pools: fc.integer({ min: 1, max: 3 }),
        target: fc.constantFrom('direct', 'pgbouncer'),
      },
      { requiredKeys: [] },
    ),
  })
  const database = fc.oneof(
    fc.integer({ min: 1, max: 2000 }).map((maxConnections) => ({ maxConnections, resources: {} })),
    fc
      .constantFrom('db.t4g.micro', 'db.t4g.large', 'db.r6g.xlarge')
      .map((name) => ({ maxConnections: undefined, resources: instance(name) })),
    fc.integer({ min: 1, max: 40 }).map((most) => ({ maxConnections: undefined, resources: aurora(1, most) })),
  )
  const service = fc.record({
    functions: fc.array(functionArbitrary, { minLength: 1, maxLength: 5 }),
    database,
    max: maybe(fc.integer({ min: 1, max: 12 })),
    sessions: fc.integer({ min: 1, max: 300 }),
    clients: maybe(fc.integer({ min: 1, max: 1000 })),
  })

  it('fits whatever the service, and none of it can be left out', () => {
    let planned = 0
    fc.assert(
      fc.property(service, ({ functions, database, max, sessions, clients }) => {
        const each = functions.map((it, n) => [`f${n}`, it] as const)
        const parts: Parts = {
          pgThaw: {
            ...(max !== undefined && { max }),
            ...(database.maxConnections !== undefined && { maxConnections: database.maxConnections }),
            proxy: { sessions, ...(clients !== undefined && { clients }) },
            functions: Object.fromEntries(each.map(([name, { settings }]) => [name, settings])),
          },
          functions: Object.fromEntries(
            each.map(([name, { reserved, provisioned }]) => [
              name,
              {
                ...(reserved !== undefined && { reservedConcurrency: reserved }),
                ...(provisioned !== undefined && { provisionedConcurrency: Math.min(provisioned, reserved ?? 20) }),
              },
            ]),
          ),
          resources: database.resources,
          extensions: Object.fromEntries(
            each.flatMap(([name, it]) =>
              it.managed === undefined ? [] : [[`${name}LambdaFunction`, { Properties: managed(it.managed) }]],
            ),
          ),
        }
        const problems = new Problems()
        const deployment = deploymentOf(parts, problems)
        const budget = drawUpBudget(deployment, problems)
        const plan = planFor(budget, deployment)
        if (budget.fits || plan === undefined) return
        planned++
        expect(drawUpBudget(withChanges(deployment, plan)).fits).toBe(true)
        for (const change of plan) {
          const others = plan.filter((other) => other !== change)
          expect(fits(() => drawUpBudget(withChanges(deployment, others)).fits)).toBe(false)
        }
      }),
      { numRuns: 150, seed: 17 },
    )
    expect(planned).toBeGreaterThan(50)
  }, 60_000)
})

/** What can't be does not fit. */
function fits(draw: () => boolean): boolean {
  try {
    return draw()
  } catch (error) {
    expect(error).toBeInstanceOf(BudgetError)
    return false
  }
}
