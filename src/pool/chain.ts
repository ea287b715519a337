/** What can stand in a {@link Chain}; the links belong to the chain. */
export interface Link<T> {
  older: T | undefined
  newer: T | undefined
}

/**
 * A doubly linked list whose links lie in its members, so that adding, removing from any place and counting cost the same
 * however many there are. A member stands in one chain at a time: the caller's duty.
 */
export class Chain<T extends Link<T>> {
  #oldest: T | undefined
  #newest: T | undefined
  #length = 0

  get oldest(): T | undefined {
    return this.#oldest
  }

  get newest(): T | undefined {
    return this.#newest
  }

  get length(): number {
    return this.#length
  }

  add(member: T): void {
    member.older = this.#newest
    member.newer = undefined
    if (this.#newest === undefined) this.#oldest = member
    else this.#newest.newer = member
    this.#newest = member
    this.#length += 1
  }

  remove(member: T): void {
    if (member.older === undefined) this.#oldest = member.newer
    else member.older.newer = member.newer
    if (member.newer === undefined) this.#newest = member.older
    else member.newer.older = member.older
    member.older = undefined
    member.newer = undefined
    this.#length -= 1
  }

  /** The members of this moment, oldest first: the chain may change while they are visited. */
  snapshot(): T[] {
    const members: T[] = []
    for (let member = this.#oldest; member !== undefined; member = member.newer) members.push(member)
    return members
  }
}
