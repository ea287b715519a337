import { expect, it } from 'vitest'
import { SERVERLESS_WORDING } from '../../src/serverless/wording'

const paste = (file: string, logicalId: string, property: string) =>
  SERVERLESS_WORDING.paste([{ of: 'property', logicalId, property, value: 4 }], {
    configuration: 'serverless.yml',
    fileOf: () => file,
  })

it('pastes a property below `resources` in serverless.yml itself, and not in a file that stands there', () => {
  const lines = ['  Cluster:', '    Properties:', '      MaxCapacity: 4']
  expect(paste('infra/database.yml', 'Cluster', 'MaxCapacity')).toEqual([
    '# infra/database.yml',
    'Resources:',
    ...lines,
  ])
  const below = lines.map((line) => `  ${line}`)
  expect(paste('serverless.yml', 'Cluster', 'MaxCapacity')).toEqual([
    '# serverless.yml',
    'resources:',
    '  Resources:',
    ...below,
  ])
})

it('pastes what the framework has no key for as an extension of its function', () => {
  expect(paste('serverless.yml', 'ApiLambdaFunction', 'FunctionScalingConfig.MaxExecutionEnvironments')).toEqual([
    '# serverless.yml',
    'resources:',
    '  extensions:',
    '    ApiLambdaFunction:',
    '      Properties:',
    '        FunctionScalingConfig:',
    '          MaxExecutionEnvironments: 4',
  ])
})
