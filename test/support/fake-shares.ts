import type { Checkout } from '../../src/pool/checkout'
import { settled } from './fake-clock'
import type { Call, FakePool } from './fake-pool'
import type { FakeResource, LocalCall } from './fake-resource'

/** A resource that has proved that it takes several loans at once. */
export interface SeasonedShare {
  /** The one loan of it that is out. */
  readonly share: Checkout<FakeResource>
  /** What holds the other slots, each alone. */
  readonly blockers: readonly Checkout<FakeResource>[]
}

/** Leaves a share of one resource out that takes `room` loans at once, with all other slots lent. */
export async function seasonedShare(fake: FakePool, room: number): Promise<SeasonedShare> {
  const blockers: Checkout<FakeResource>[] = []
  while (blockers.length < fake.pool.gauges().max - 1) blockers.push(await fake.take())
  let share = await fake.takeShare()
  for (let turn = 0; turn < 4 * (room - 1); turn += 1) {
    const next = fake.call({ share: true })
    share.release()
    await settled()
    share = next.checkout
  }
  return { share, blockers }
}

/** Starts that many acquires that share. */
export function callShares(fake: FakePool, count: number): Call[] {
  return Array.from({ length: count }, () => fake.call({ share: true }))
}

export function servedOf(calls: readonly Call[]): Call[] {
  return calls.filter(({ state }) => state === 'served')
}

interface Entry {
  out: number
  returned: number
  /** What came back in earlier times of sharing, as far as it counts. */
  remembered: number
  uses: number
  /** Nobody may join any more: it was lost, discarded, drained, or may be dead. */
  isEnding: boolean
  /** The same, perhaps. */
  isDoubtful: boolean
}

/** Keeps the books of shared resources from outside: from the connector's hooks and from what an observer hears. */
export class ShareBook {
  readonly #entries = new Map<FakeResource, Entry>()
  readonly #uses = new Map<FakeResource, number>()
  readonly #remembered = new Map<FakeResource, number>()
  readonly #max: number
  /** What went against the rules. */
  readonly broken: string[] = []

  constructor(max: number) {
    this.#max = max
  }

  /** To be called from `beforeLocal` of the connector. */
  local(call: LocalCall, resource: FakeResource): void {
    const entry = this.#entries.get(resource)
    if (call === 'share') {
      if (entry !== undefined) this.broken.push(`share ${resource.id} while it is shared`)
      this.#entries.set(resource, {
        out: 0,
        returned: 0,
        remembered: this.#remembered.get(resource) ?? 0,
        uses: this.#uses.get(resource) ?? 0,
        isEnding: false,
        isDoubtful: false,
      })
    } else if (call === 'unshare') {
      if (entry?.out !== 0) this.broken.push(`unshare ${resource.id} while ${entry?.out} loans are out`)
      if (entry !== undefined) this.#remembered.set(resource, Math.min(256, entry.remembered + entry.returned))
      this.#entries.delete(resource)
    }
  }

  acquired(resource: FakeResource): void {
    this.#uses.set(resource, 1 + (this.#uses.get(resource) ?? 0))
    const entry = this.#entries.get(resource)
    if (entry === undefined) return
    if (!this.#hasRoom(entry)) this.broken.push(`${resource.id} was joined though it has no room`)
    if (entry.isEnding) this.broken.push(`${resource.id} was lent on though it is ending`)
    entry.out += 1
    entry.uses += 1
  }

  released(resource: FakeResource, discard: Error | boolean): void {
    const entry = this.#entries.get(resource)
    if (entry === undefined) return
    entry.out -= 1
    entry.returned += 1
    if (discard) entry.isEnding = true
  }

  /** It is in nobody's hands. If it is still set up for sharing, it rests, and its next loan will be a first one. */
  idle(resource: FakeResource): void {
    const entry = this.#entries.get(resource)
    if (entry === undefined) return
    if (entry.out !== 0) this.broken.push(`${resource.id} rests while ${entry.out} loans are out`)
    entry.remembered = Math.min(256, entry.remembered + entry.returned)
    entry.returned = 0
  }

  /** It is being closed, for instance because it was reclaimed. */
  closing(resource: FakeResource): void {
    this.#entries.delete(resource)
  }

  /** Something happened after which nobody may join one of them. */
  ending(resource: FakeResource): void {
    const entry = this.#entries.get(resource)
    if (entry !== undefined) entry.isEnding = true
  }

  /** Something happened after which nobody may join any of them. */
  allEnding(): void {
    for (const entry of this.#entries.values()) entry.isEnding = true
  }

  /** Something happened after which perhaps nobody may join any of them. */
  allDoubtful(): void {
    for (const entry of this.#entries.values()) entry.isDoubtful = true
  }

  isShared(resource: FakeResource): boolean {
    return this.#entries.has(resource)
  }

  /** Those that one more borrower could join, as far as their loans go. */
  joinable(maxUses: number): FakeResource[] {
    const entries = [...this.#entries].filter(
      ([, it]) => !it.isEnding && !it.isDoubtful && it.uses < maxUses && this.#hasRoom(it),
    )
    return entries.map(([resource]) => resource)
  }

  #hasRoom({ out, returned, remembered }: Entry): boolean {
    const earlier = remembered < 64 ? 0 : remembered
    return this.#max === 1 || out < 1 + Math.min(returned, Math.floor((earlier + returned) / 4))
  }
}
