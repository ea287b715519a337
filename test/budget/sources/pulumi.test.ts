import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readContent } from '../../../src/budget/sources/index'

const read = (value: object) => readContent('state.json', Buffer.from(JSON.stringify(value)))
const state = JSON.parse(readFileSync('test/budget/fixtures/state.json', 'utf8'))
const SECRET = { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270' }

/** A preview that creates resources, as `pulumi preview --json` prints it. */
function previewOf(...resources: readonly { type: string; name: string; [key: string]: unknown }[]) {
  const steps = resources.map(({ type, name, ...rest }) => {
    const urn = `urn:pulumi:prod::shop::${type}::${name}`
    return { op: 'create', urn, newState: { urn, type, custom: true, ...rest } }
  })
  return { steps, changeSummary: { create: steps.length } }
}

describe('what Pulumi and SST print', () => {
  it('is the same from the state of SST, an export and a checkpoint', () => {
    const { latest } = state
    const expected = read(state)
    expect(expected.functions.map(({ name }) => name)).toEqual([
      'OrdersFunction',
      'FulfilOrdersFunction',
      'DailyReportFunction',
      'MigrateFunction',
    ])
    for (const other of [
      { version: 3, deployment: latest },
      { version: 3, checkpoint: state },
    ]) {
      expect(read(other).template).toEqual(expected.template)
    }
  })

  it('links what a preview does not know yet', () => {
    const COMPUTED = '04da6b54-80e4-46f7-96ec-b56ff0331ba9'
    const { template } = read(
      previewOf(
        { type: 'aws:rds/cluster:Cluster', name: 'main', inputs: { engine: 'aurora-postgresql' } },
        {
          type: 'aws:rds/clusterInstance:ClusterInstance',
          name: 'one',
          inputs: { clusterIdentifier: COMPUTED, instanceClass: 'db.serverless' },
          propertyDependencies: { clusterIdentifier: ['urn:pulumi:prod::shop::aws:rds/cluster:Cluster::main'] },
        },
      ),
    )
    expect(template.Resources['aws:rds/clusterInstance:ClusterInstance::one']).toMatchObject({
      Properties: { DBClusterIdentifier: { Ref: 'aws:rds/cluster:Cluster::main' }, DBInstanceClass: 'db.serverless' },
    })
  })

  it('keeps the names of variables, and opens what was decrypted', () => {
    const plaintext = JSON.stringify({ variables: { PG_THAW_MAX: '2', fromSdk: 'x' } })
    const { template } = read(
      previewOf({
        type: 'aws:lambda/function:Function',
        name: 'orders',
        inputs: { environment: { ...SECRET, plaintext } },
      }),
    )
    expect(Object.values(template.Resources)).toMatchObject([
      { Properties: { Environment: { Variables: { PG_THAW_MAX: '2', fromSdk: 'x' } } } },
    ])
  })

  it('leaves out what is deleted, and what is only read', () => {
    const { steps } = previewOf({ type: 'aws:lambda/function:Function', name: 'orders', inputs: {} })
    const [old] = steps
    const gone = { ...old?.newState, urn: 'urn:pulumi:prod::shop::aws:lambda/function:Function::gone', delete: true }
    const foreign = {
      ...old?.newState,
      urn: 'urn:pulumi:prod::shop::aws:lambda/function:Function::foreign',
      external: true,
    }
    const resources = [old?.newState, gone, foreign]
    expect(read({ deployment: { resources } }).functions.map(({ name }) => name)).toEqual(['orders'])
  })

  it('asks for the whole of a preview that has only what changes', () => {
    const type = 'aws:lambda/function:Function'
    const stack = { op: 'same', urn: 'urn:pulumi:prod::shop::pulumi:pulumi:Stack::shop-prod', newState: {} }
    const { steps } = previewOf({ type, name: 'orders', inputs: {} })
    const changeSummary = { create: 1, same: 5 }
    expect(() => read({ steps: [stack, ...steps], changeSummary })).toThrow('pulumi preview --json --show-sames')
    const same = previewOf({ type, name: 'report', inputs: {} }).steps.map((it) => ({ ...it, op: 'same' }))
    expect(read({ steps: [stack, ...steps, ...same], changeSummary }).functions).toHaveLength(2)
    expect(read({ steps: [stack, ...steps], changeSummary: { create: 1, same: 1 } }).functions).toHaveLength(1)
  })

  it('counts once what is replaced in several steps', () => {
    const { steps } = previewOf({ type: 'aws:lambda/function:Function', name: 'orders', inputs: {} })
    const replaced = ['create-replacement', 'replace'].map((op) => ({ ...steps[0], op }))
    expect(read({ steps: replaced }).functions).toMatchObject([{ name: 'orders' }])
  })

  it('keeps two of one name apart', () => {
    const type = (parent: string) => `${parent}$aws:lambda/function:Function`
    const steps = previewOf({ type: type('shop:Api'), name: 'f' }, { type: type('shop:Web'), name: 'f' }).steps
    const typed = steps.map((it) => ({ ...it, newState: { ...it.newState, type: 'aws:lambda/function:Function' } }))
    const { functions, template } = read({ steps: typed })
    expect(new Set(functions.map(({ name }) => name)).size).toBe(2)
    expect(Object.keys(template.Resources)).toHaveLength(2)
  })

  it('of another provider is refused, with what was found', () => {
    const preview = previewOf({ type: 'gcp:sql/databaseInstance:DatabaseInstance', name: 'main' })
    expect(() => read(preview)).toThrow('one of Pulumi with resources of gcp, and no function or database')
  })
})
