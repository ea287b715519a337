import { expect, test } from 'vitest'
import { Chain, type Link, moveTo } from '../../../src/pool/slot'

class Member implements Link<Member> {
  chain: Chain<Member> | undefined
  older: Member | undefined
  newer: Member | undefined
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

const setUp = (names: string) => {
  const chain = new Chain<Member>()
  const members = [...names].map((name) => new Member(name))
  for (const member of members) moveTo(member, chain)
  const order = () =>
    chain
      .snapshot()
      .map(({ name }) => name)
      .join('')
  return { chain, members, order }
}

test('an empty chain has no ends', () => {
  const { chain } = setUp('')
  expect([chain.oldest, chain.newest, chain.length, chain.snapshot()]).toEqual([undefined, undefined, 0, []])
})

test('members stand in the order in which they were added', () => {
  const { chain, order } = setUp('abc')
  expect(order()).toBe('abc')
  expect([chain.oldest?.name, chain.newest?.name, chain.length]).toEqual(['a', 'c', 3])
})

test.each([
  [0, 'bcd'],
  [1, 'acd'],
  [2, 'abd'],
  [3, 'abc'],
])('removing the member at place %i leaves the others in order', (place, left) => {
  const { chain, members, order } = setUp('abcd')
  const member = members[place] as Member
  moveTo(member, undefined)
  expect(order()).toBe(left)
  expect(chain.length).toBe(3)
  expect([chain.oldest?.name, chain.newest?.name]).toEqual([left[0], left[2]])
  expect([member.older, member.newer]).toEqual([undefined, undefined])
})

test('a member that was removed can be added again, as the newest', () => {
  const { chain, members, order } = setUp('abc')
  moveTo(members[0] as Member, undefined)
  moveTo(members[0] as Member, chain)
  expect(order()).toBe('bca')
})

test('a chain that was emptied can be filled again', () => {
  const { chain, members, order } = setUp('ab')
  for (const member of members) moveTo(member, undefined)
  expect([chain.oldest, chain.newest, chain.length]).toEqual([undefined, undefined, 0])
  for (const member of members) moveTo(member, chain)
  expect(order()).toBe('ab')
})

test('a snapshot stays as it is while the chain changes', () => {
  const { chain, order } = setUp('abc')
  for (const member of chain.snapshot()) moveTo(member, undefined)
  expect(order()).toBe('')
})

test('a member stands in one chain at a time: moved to another, it is the newest there', () => {
  const from = setUp('abc')
  const to = setUp('xy')
  moveTo(from.members[1] as Member, to.chain)
  expect([from.order(), from.chain.length]).toEqual(['ac', 2])
  expect([to.order(), to.chain.length]).toEqual(['xyb', 3])
  moveTo(from.members[0] as Member, from.chain)
  expect([from.order(), from.chain.length]).toEqual(['ca', 2])
})
