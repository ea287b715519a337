import type { EventStream } from '../page/stream.js'

/** A fault, as the page shows it. */
export interface FaultView {
  readonly fault: string
  /** On its button. */
  readonly name: string
  /** Where there is little room. */
  readonly short: string
  /** What must be seen after it. */
  readonly shows: string
}

/** What a fault met, and what became of whoever came next. */
export interface Showing {
  readonly fault: string
  readonly did: string
  readonly next: string
  /** Whether the next one got its answer. */
  readonly isWell: boolean
}

/** Something that can go wrong, and somebody who comes after it and must not notice. */
export interface Fault extends FaultView {
  /** @param tell Is to be called as soon as the fault is there. */
  show(tell: (text: string) => void): Promise<Omit<Showing, 'fault'>>
}

/** What can be done to the service. */
export class Faults {
  readonly #faults: readonly Fault[]
  readonly #stream: EventStream

  constructor(faults: readonly Fault[], stream: EventStream) {
    this.#faults = faults
    this.#stream = stream
  }

  get views(): readonly FaultView[] {
    return this.#faults.map(({ fault, name, short, shows }) => ({ fault, name, short, shows }))
  }

  /** Has a fault happen, and tells what came of it; nothing for one that there is not. */
  async show(name: string): Promise<Showing | undefined> {
    const fault = this.#faults.find((it) => it.fault === name)
    if (fault === undefined) return undefined
    const showing = { fault: name, ...(await fault.show((text) => this.tell(name, text))) }
    this.#stream.tell('shown', { at: Date.now(), ...showing })
    return showing
  }

  tell(fault: string, text: string): void {
    this.#stream.tell('fault', { at: Date.now(), fault, text })
  }
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
