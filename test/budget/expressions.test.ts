import { describe, expect, it } from 'vitest'
import { resolveTemplate, unknownBecause } from '../../src/budget/expressions'

const Parameters = {
  Stage: { Type: 'String', Default: 'dev' },
  Class: { Type: 'String', Default: 'db.t4g.micro' },
  Most: { Type: 'Number', Default: 5 },
  Zones: { Type: 'CommaDelimitedList', Default: 'a, b' },
  Open: { Type: 'String' },
  Stored: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/database/class' },
}
const Mappings = { ByStage: { dev: { class: 'db.t4g.micro' }, prod: { class: 'db.r6g.large' } } }
const Conditions = {
  IsProd: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] },
  IsDev: { 'Fn::Not': [{ Condition: 'IsProd' }] },
  IsFive: { 'Fn::Equals': [{ Ref: 'Most' }, '5'] },
  IsOpen: { 'Fn::Equals': [{ Ref: 'Open' }, 'yes'] },
  Both: { 'Fn::And': [{ Condition: 'IsDev' }, { Condition: 'IsFive' }] },
  Either: { 'Fn::Or': [{ Condition: 'IsOpen' }, { Condition: 'IsDev' }] },
  NeverBoth: { 'Fn::And': [{ Condition: 'IsOpen' }, { Condition: 'IsProd' }] },
  Circular: { 'Fn::Not': [{ Condition: 'AlsoCircular' }] },
  AlsoCircular: { 'Fn::Not': [{ Condition: 'Circular' }] },
}

/** What one value comes to. */
function resolved(value: unknown, parameters = {}): unknown {
  const Resources = { It: { Type: 'Some::Type', Properties: { value } } }
  return resolveTemplate({ Parameters, Mappings, Conditions, Resources }, parameters).resources.It?.Properties.value
}

const ifSo = (condition: string) => ({ 'Fn::If': [condition, 'yes', 'no'] })

describe('what is known of a template before its deployment', () => {
  it.each<[string, unknown, unknown]>([
    ['a parameter’s default', { Ref: 'Class' }, 'db.t4g.micro'],
    ['a list', { Ref: 'Zones' }, ['a', 'b']],
    ['a condition', ifSo('IsProd'), 'no'],
    ['one that is turned round', ifSo('IsDev'), 'yes'],
    ['one that compares a number with digits, as CloudFormation does', ifSo('IsFive'), 'yes'],
    ['two together', ifSo('Both'), 'yes'],
    ['one of two, of which the other is not known', ifSo('Either'), 'yes'],
    ['two together, of which one fails and the other is not known', ifSo('NeverBoth'), 'no'],
    ['a mapping', { 'Fn::FindInMap': ['ByStage', { Ref: 'Stage' }, 'class'] }, 'db.t4g.micro'],
    ['a mapping’s default', { 'Fn::FindInMap': ['ByStage', 'test', 'class', { DefaultValue: 'none' }] }, 'none'],
    ['a text', { 'Fn::Sub': `\${Stage}-\${!Literal}-\${Most}` }, `dev-\${Literal}-5`],
    [
      'a text with variables of its own',
      { 'Fn::Sub': [`\${name}-\${Stage}`, { name: { Ref: 'Class' } }] },
      'db.t4g.micro-dev',
    ],
    ['a text put together', { 'Fn::Join': ['.', ['db', { Ref: 'Stage' }]] }, 'db.dev'],
    ['one of several', { 'Fn::Select': ['1', { 'Fn::Split': [',', 'a,b'] }] }, 'b'],
    ['one of several that are not all known', { 'Fn::Select': [0, ['a', { Ref: 'Open' }]] }, 'a'],
    ['what is in a list and a mapping', [{ a: { Ref: 'Stage' } }], [{ a: 'dev' }]],
    ['no value, which is then not there', { a: { 'Fn::If': ['IsProd', 1, { Ref: 'AWS::NoValue' }] }, b: 2 }, { b: 2 }],
    ['no value in a list', [{ Ref: 'AWS::NoValue' }, 1], [1]],
    ['a resource, chosen by a condition', { 'Fn::If': ['IsProd', { Ref: 'One' }, { Ref: 'Other' }] }, { Ref: 'Other' }],
  ])('%s', (_, value, expected) => {
    expect(resolved(value)).toEqual(expected)
  })

  it('is by the values of the deployment before the defaults', () => {
    expect(resolved({ 'Fn::FindInMap': ['ByStage', { Ref: 'Stage' }, 'class'] }, { Stage: 'prod' })).toBe(
      'db.r6g.large',
    )
    expect(resolved({ 'Fn::Sub': `\${AWS::Region}` }, { 'AWS::Region': 'eu-west-1' })).toBe('eu-west-1')
    expect(resolved(ifSo('IsOpen'), { Open: 'yes' })).toBe('yes')
  })

  it.each<[string, unknown, string | undefined]>([
    ['a value of another stack', { 'Fn::ImportValue': 'shared-class' }, 'is imported from another stack'],
    ['a parameter without a value', { Ref: 'Open' }, 'refers to Open, which has no value before the deployment'],
    [
      'a parameter that is kept elsewhere',
      { Ref: 'Stored' },
      'refers to Stored, which has no value before the deployment',
    ],
    ['an attribute', { 'Fn::GetAtt': ['Stack', 'Outputs.Class'] }, 'is known to CloudFormation alone (Fn::GetAtt)'],
    ['a choice by what is not known', ifSo('IsOpen'), 'is known to CloudFormation alone (Fn::If)'],
    ['a choice by a condition that depends on itself', ifSo('Circular'), 'is known to CloudFormation alone (Fn::If)'],
    ['a text with something unknown in it', { 'Fn::Sub': `db.\${Open}` }, 'is known to CloudFormation alone (Fn::Sub)'],
    [
      'a key that no mapping has',
      { 'Fn::FindInMap': ['ByStage', 'test', 'class'] },
      'is known to CloudFormation alone (Fn::FindInMap)',
    ],
    ['a dynamic reference', '{{resolve:ssm:/class}}', 'is read from a secret or parameter store at the deployment'],
  ])('leaves out, and tells: %s', (_, value, because) => {
    expect(resolved(value)).toEqual(value)
    expect(unknownBecause(resolved(value))).toBe(because)
  })

  it('has no resource whose condition is false, and those whose condition is not known', () => {
    const of = (Condition: string) => ({ Type: 'Some::Type', Condition })
    const Resources = { Never: of('IsProd'), Ever: of('IsDev'), Perhaps: of('IsOpen'), Plain: { Type: 'Some::Type' } }
    const { resources, absent } = resolveTemplate({ Parameters, Conditions, Resources })
    expect([Object.keys(resources), absent]).toEqual([['Ever', 'Perhaps', 'Plain'], ['Never']])
  })

  it('comes to an end where conditions are many, or an object is part of itself', () => {
    const many: Record<string, unknown> = { C0: Conditions.IsDev }
    for (let n = 1; n <= 60; n++)
      many[`C${n}`] = { 'Fn::And': [{ Condition: `C${n - 1}` }, { Condition: `C${n - 1}` }] }
    const circular: Record<string, unknown> = { a: ifSo('C60') }
    circular.itself = circular
    const Resources = { It: { Type: 'Some::Type', Properties: circular } }
    const { It } = resolveTemplate({ Parameters, Conditions: { ...Conditions, ...many }, Resources }).resources
    expect(It?.Properties.a).toBe('yes')
  })

  it.each([undefined, null, 'text', [], { Resources: [] }])('is nothing of what is no template: %j', (template) => {
    expect(resolveTemplate(template)).toEqual({ resources: {}, absent: [] })
  })
})
