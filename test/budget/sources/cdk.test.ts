import { describe, expect, it } from 'vitest'
import { readCdk } from '../../../src/budget/sources/cdk/cdk'
import { readDeployed } from '../../../src/budget/sources/index'

const FUNCTION = 'AWS::Lambda::Function'

/** An assembly: the templates of its stacks, and the assemblies of stages in it. */
interface Assembly {
  readonly stacks?: Readonly<Record<string, object>>
  readonly stages?: Readonly<Record<string, Assembly>>
}

/** The files of an assembly, by their paths. */
function filesOf({ stacks = {}, stages = {} }: Assembly, directory = 'cdk.out', path = ''): Map<string, object> {
  const artifacts = [
    ...Object.keys(stacks).map((name) => {
      const properties = { templateFile: `${name}.template.json`, stackName: `${path.replace('/', '-')}${name}` }
      return [name, { type: 'aws:cloudformation:stack', properties, displayName: `${path}${name} (named)` }]
    }),
    ...Object.keys(stages).map((name) => {
      return [`assembly-${name}`, { type: 'cdk:cloud-assembly', properties: { directoryName: `assembly-${name}` } }]
    }),
  ]
  return new Map<string, object>([
    [`${directory}/manifest.json`, { version: '48.0.0', artifacts: Object.fromEntries(artifacts) }],
    ...Object.entries(stacks).map(([name, it]) => [`${directory}/${name}.template.json`, it] as const),
    ...Object.entries(stages).flatMap(([name, it]) => [...filesOf(it, `${directory}/assembly-${name}`, `${name}/`)]),
  ])
}

function read(assembly: Assembly, stacks: readonly string[] = [], more: Readonly<Record<string, object>> = {}) {
  const files = new Map([...filesOf(assembly), ...Object.entries(more)])
  return readCdk('cdk.out', (path) => ({ ...files.get(path) }), stacks)
}

const withFunction = (variables: object = {}) => ({
  Resources: { Orders: { Type: FUNCTION, Properties: { Environment: { Variables: variables } } } },
})
const variablesIn = ({ template }: ReturnType<typeof read>, id = 'Orders') =>
  Object(template.Resources[id]).Properties.Environment.Variables

describe('a cdk.out', () => {
  it('of a real app has its functions under the names of their constructs, those of a nested stack too', () => {
    const { functions, template } = readDeployed('test/budget/fixtures/cdk.out', [])
    expect(functions.filter(({ isOfTool }) => !isOfTool).map(({ name }) => name)).toEqual([
      'Orders',
      'FulfilOrders',
      'Migrate',
      'DailyReport',
    ])
    const hosts = functions.flatMap(({ id }) => Object(template.Resources[id]).Properties.Environment?.Variables.PGHOST)
    const endpoint = { 'Fn::GetAtt': ['ClusterEB0386A7', 'Endpoint.Address'] }
    expect(hosts.filter((host) => host !== undefined)).toEqual([endpoint, endpoint, endpoint, endpoint])
  })

  it('has functions of its own for custom resources, which open no session', () => {
    const { functions } = readDeployed('test/budget/fixtures/cdk.out', [])
    expect(functions.filter(({ isOfTool }) => isOfTool).map(({ id }) => id)).toEqual([
      'CustomS3AutoDeleteObjectsCustomResourceProviderHandler9D90184F',
    ])
  })

  it('has what one stack imports from another, or takes from its outputs', () => {
    const Database = {
      Resources: { Cluster: { Type: 'AWS::RDS::DBCluster' } },
      Outputs: { Host: { Value: { 'Fn::GetAtt': ['Cluster', 'Host'] }, Export: { Name: 'shop-host' } } },
    }
    const variables = {
      A: { 'Fn::ImportValue': 'shop-host' },
      B: { 'Fn::GetStackOutput': { StackName: 'Database', OutputName: 'Host' } },
      C: { 'Fn::ImportValue': 'of-somebody-else' },
    }
    const host = { 'Fn::GetAtt': ['Cluster', 'Host'] }
    expect(variablesIn(read({ stacks: { Api: withFunction(variables), Database } }))).toEqual({
      A: host,
      B: host,
      C: variables.C,
    })
  })

  it('has what is handed to a nested stack, and comes out of it', () => {
    const Api = {
      Resources: {
        Inner: {
          Type: 'AWS::CloudFormation::Stack',
          Properties: { Parameters: { Max: { Ref: 'Limit' } } },
          Metadata: { 'aws:asset:path': 'inner.json' },
        },
        Outer: {
          Type: FUNCTION,
          Properties: { Environment: { Variables: { ARN: { 'Fn::GetAtt': ['Inner', 'Outputs.Arn'] } } } },
        },
      },
    }
    const inner = {
      ...withFunction({ PG_THAW_MAX: { Ref: 'Max' } }),
      Outputs: { Arn: { Value: { 'Fn::GetAtt': ['Orders', 'Arn'] } } },
    }
    const found = read({ stacks: { Api } }, [], { 'cdk.out/inner.json': inner })
    expect(variablesIn(found)).toEqual({ PG_THAW_MAX: { Ref: 'Limit' } })
    expect(variablesIn(found, 'Outer')).toEqual({ ARN: { 'Fn::GetAtt': ['Orders', 'Arn'] } })
  })

  it('keeps what has one name in two stacks apart, wherever it is mentioned', () => {
    const template = {
      Parameters: { Stage: { Type: 'String' } },
      Conditions: { IsProd: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] } },
      Mappings: { Sizes: {} },
      Resources: {
        Orders: { Type: FUNCTION, Condition: 'IsProd' },
        Alias: {
          Type: 'AWS::Lambda::Alias',
          Properties: {
            FunctionName: { Ref: 'Orders' },
            Size: {
              'Fn::If': ['IsProd', { 'Fn::FindInMap': ['Sizes', { Ref: 'Stage' }, 'max'] }, { Ref: 'AWS::NoValue' }],
            },
            Text: { 'Fn::Sub': [`\${Orders.Arn} \${Own} \${!Stage} \${AWS::Region}`, { Own: { Ref: 'Stage' } }] },
          },
        },
      },
    }
    const { template: linked, functions } = read({ stacks: { A: template, B: template } })
    expect(functions.map(({ id }) => id)).toEqual(['Orders', 'B/Orders'])
    expect(linked.Conditions['B/IsProd']).toEqual({ 'Fn::Equals': [{ Ref: 'B/Stage' }, 'prod'] })
    expect(linked.Resources['B/Orders']).toEqual({ Type: FUNCTION, Condition: 'B/IsProd' })
    expect(linked.Resources['B/Alias']).toMatchObject({
      Properties: {
        FunctionName: { Ref: 'B/Orders' },
        Size: {
          'Fn::If': ['B/IsProd', { 'Fn::FindInMap': ['B/Sizes', { Ref: 'B/Stage' }, 'max'] }, { Ref: 'AWS::NoValue' }],
        },
        Text: { 'Fn::Sub': [`\${B/Orders.Arn} \${Own} \${!Stage} \${AWS::Region}`, { Own: { Ref: 'B/Stage' } }] },
      },
    })
    expect(linked.Resources.Alias).toEqual(template.Resources.Alias)
  })

  describe('with several stages', () => {
    const stage = { stacks: { Api: withFunction(), Database: { Resources: {} } } }
    const app = { stages: { Dev: stage, Prod: stage } }

    it('asks which is meant', () => {
      const question = "cdk.out: several stages have functions: expected --stack, such as 'Dev/*' or 'Prod/*'"
      expect(() => read(app)).toThrow(question)
    })

    it('has the functions of those that are', () => {
      const files = ({ functions, fileOf }: ReturnType<typeof read>) => functions.map(({ id }) => fileOf(id))
      expect(files(read(app, ['Dev']))).toEqual(['cdk.out/assembly-Dev/Api.template.json'])
      expect(files(read(app, ['Prod/*']))).toEqual(['cdk.out/assembly-Prod/Api.template.json'])
      expect(files(read(app, ['Prod/Api', 'Dev/Api']))).toHaveLength(2)
    })

    it('refuses a stack that there is not, and names those that there are', () => {
      const all = 'there are Dev/Api, Dev/Database, Prod/Api, Prod/Database'
      expect(() => read(app, ['Prod/Api', 'Test/*'])).toThrow(`cdk.out: no stack Test/*: ${all}`)
    })
  })
})
