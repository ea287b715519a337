import { Chain } from './chain.js'
import type { PoolGauges } from './errors.js'
import { Slot, type SlotIn, type SlotState } from './slot.js'

type CountedState = Exclude<SlotState<unknown>['name'], 'gone'>

/**
 * The pool's slots, each in the chain of its state: counting a state, finding its oldest or newest and leaving it cost the same
 * however many slots there are, and the counts can't drift from the states.
 */
export class Slots<R> {
  readonly #chains: Record<CountedState, Chain<Slot<R>>> = {
    dialing: new Chain(),
    idle: new Chain(),
    validating: new Chain(),
    lent: new Chain(),
    shared: new Chain(),
    full: new Chain(),
    returning: new Chain(),
    closing: new Chain(),
  }
  #total = 0

  /** Slots that exist: never more than the pool's `max`. */
  get total(): number {
    return this.#total
  }

  /** Those of them that are not on their way out. */
  get staying(): number {
    return this.#total - this.#chains.closing.length
  }

  /** Those whose resource is in the hands of borrowers. */
  get lent(): number {
    return this.#chains.lent.length + this.#chains.shared.length + this.#chains.full.length
  }

  /** Those that will serve somebody soon: being dialled, validated or reset. */
  get underWay(): number {
    return this.#chains.dialing.length + this.#chains.validating.length + this.#chains.returning.length
  }

  gauges(max: number, waiting: number): PoolGauges {
    return {
      max,
      total: this.#total,
      idle: this.count('idle'),
      lent: this.lent,
      dialing: this.count('dialing'),
      validating: this.count('validating'),
      returning: this.count('returning'),
      closing: this.count('closing'),
      waiting,
    }
  }

  count(name: CountedState): number {
    return this.#chains[name].length
  }

  oldest<N extends CountedState>(name: N): SlotIn<R, N> | undefined {
    return this.#chains[name].oldest as SlotIn<R, N> | undefined
  }

  newest<N extends CountedState>(name: N): SlotIn<R, N> | undefined {
    return this.#chains[name].newest as SlotIn<R, N> | undefined
  }

  /** Those in a state at this moment, oldest first. While they are visited, ask again before relying on the state. */
  snapshot<N extends CountedState>(name: N): SlotIn<R, N>[] {
    return this.#chains[name].snapshot() as SlotIn<R, N>[]
  }

  open(state: SlotState<R> & { name: 'dialing' }): Slot<R> {
    const slot = new Slot<R>(state)
    this.#chains.dialing.add(slot)
    this.#total += 1
    return slot
  }

  move(slot: Slot<R>, next: SlotState<R>): void {
    if (slot.state.name === 'gone') throw new Error('bug: a slot that is gone was moved')
    this.#chains[slot.state.name].remove(slot)
    slot.state = next
    if (next.name === 'gone') this.#total -= 1
    else this.#chains[next.name].add(slot)
  }
}
