import { describe, expect, it } from 'vitest'
import { readContent } from '../../../src/budget/sources/index'

const read = (text: string) => readContent('template.yml', Buffer.from(text))
const resource = (text: string, id: string) => read(text).template.Resources[id]

describe('a template of CloudFormation', () => {
  it('may be JSON, or YAML with the short forms of functions', () => {
    const yaml = `
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Resources:
  Orders:
    Type: AWS::Lambda::Function
    Condition: IsProd
    Properties:
      ReservedConcurrentExecutions: !If [IsProd, !Ref Concurrency, 5]
      Environment:
        Variables:
          HOST: !GetAtt Cluster.Endpoint.Address
          NAME: !Sub ['\${Name}-orders', { Name: !ImportValue shop }]
          URL: !Join ['', [postgres://, !Select [0, !Split [',', !Ref Hosts]]]]
`
    expect(read(yaml).template).toMatchObject({
      Conditions: { IsProd: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] } },
      Resources: {
        Orders: {
          Condition: 'IsProd',
          Properties: {
            ReservedConcurrentExecutions: { 'Fn::If': ['IsProd', { Ref: 'Concurrency' }, 5] },
            Environment: {
              Variables: {
                HOST: { 'Fn::GetAtt': ['Cluster', 'Endpoint.Address'] },
                NAME: { 'Fn::Sub': [`\${Name}-orders`, { Name: { 'Fn::ImportValue': 'shop' } }] },
                URL: {
                  'Fn::Join': ['', ['postgres://', { 'Fn::Select': [0, { 'Fn::Split': [',', { Ref: 'Hosts' }] }] }]],
                },
              },
            },
          },
        },
      },
    })
    const json = JSON.stringify(read(yaml).template)
    expect(read(json).template).toEqual(read(yaml).template)
  })

  it('has functions that go by the name which is written out, or else by their logical id', () => {
    const { functions } = read(`
Resources:
  Orders: { Type: AWS::Lambda::Function, Properties: { FunctionName: shop-orders } }
  Report: { Type: AWS::Lambda::Function, Properties: { FunctionName: !Sub '\${AWS::StackName}-report' } }
  Migrate: { Type: AWS::Lambda::Function }
  Queue: { Type: AWS::SQS::Queue }
`)
    expect(functions.map(({ name, id }) => [name, id])).toEqual([
      ['shop-orders', 'Orders'],
      ['Report', 'Report'],
      ['Migrate', 'Migrate'],
    ])
  })
})

describe('a template of SAM', () => {
  const sam = (globals: string, properties: string) => `
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Globals: { Function: ${globals} }
Resources:
  Orders: { Type: AWS::Serverless::Function, Properties: ${properties} }
`

  it('has functions with the globals, of which their own values go before, and maps are merged', () => {
    const text = sam(
      '{ MemorySize: 512, Timeout: 3, Environment: { Variables: { PG_THAW_MAX: 1, STAGE: prod } } }',
      '{ MemorySize: 1024, Environment: { Variables: { PG_THAW_MAX: 2 } } }',
    )
    expect(resource(text, 'Orders')).toMatchObject({
      Type: 'AWS::Lambda::Function',
      Properties: { MemorySize: 1024, Timeout: 3, Environment: { Variables: { PG_THAW_MAX: 2, STAGE: 'prod' } } },
    })
  })

  it('takes the call of a function as a whole', () => {
    const text = sam(
      '{ Environment: { Variables: { MAX: !Ref Max } } }',
      '{ Environment: { Variables: { MAX: !If [A, 1, 2] } } }',
    )
    expect(resource(text, 'Orders')).toMatchObject({
      Properties: { Environment: { Variables: { MAX: { 'Fn::If': ['A', 1, 2] } } } },
    })
  })

  it('has provisioned concurrency on the alias that SAM publishes', () => {
    const text = sam(
      '{}',
      '{ AutoPublishAlias: live, ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 5 } }',
    )
    expect(resource(text, 'OrdersAlias')).toMatchObject({
      Type: 'AWS::Lambda::Alias',
      Properties: {
        FunctionName: { Ref: 'Orders' },
        ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 5 },
      },
    })
  })

  it('may run on Managed Instances', () => {
    const text = sam(
      '{}',
      '{ CapacityProviderConfig: { Arn: arn, ExecutionEnvironmentMemoryGiBPerVCpu: 4 }, FunctionScalingConfig: { MaxExecutionEnvironments: 3 } }',
    )
    const LambdaManagedInstancesCapacityProviderConfig = {
      CapacityProviderArn: 'arn',
      ExecutionEnvironmentMemoryGiBPerVCpu: 4,
    }
    expect(resource(text, 'Orders')).toMatchObject({
      Properties: {
        CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig },
        FunctionScalingConfig: { MaxExecutionEnvironments: 3 },
      },
    })
  })
})
