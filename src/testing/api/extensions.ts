import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'

/** AWS allows no more per environment. */
const maxExtensions = 10

/** A registered extension. All are internal ones here: each lives in the runtime's process. */
export interface Extension {
  readonly id: string
  readonly name: string
  readonly hearsInvokes: boolean
  /** Its outstanding long poll, while it waits for an event. */
  poll: ServerResponse | undefined
}

/** Why a registration was refused; the type is the one that AWS answers with, always with status 403. */
export interface Refusal {
  errorType: string
  errorMessage: string
}

/** The extensions of one environment, and AWS's rules for registering one. */
export class Extensions {
  readonly #byId = new Map<string, Extension>()
  readonly #hearInvokes: boolean
  #isRegistrationOpen = true

  /** @param hearInvokes False on Managed Instances, where calls overlap. */
  constructor(hearInvokes: boolean) {
    this.#hearInvokes = hearInvokes
  }

  get names(): readonly string[] {
    return [...this.#byId.values()].map((extension) => extension.name)
  }

  [Symbol.iterator](): Iterator<Extension> {
    return this.#byId.values()
  }

  find(id: string): Extension | undefined {
    return this.#byId.get(id)
  }

  /** The runtime has asked for its first event. */
  closeRegistration(): void {
    this.#isRegistrationOpen = false
  }

  register(name: string, events: unknown): Extension | Refusal {
    if (name === '') return refusal('Extension.InvalidExtensionName', 'Empty extension name')
    if (!Array.isArray(events)) return refusal('InvalidRequestFormat', 'Expected `events` to be an array')
    for (const event of events) {
      if (event === 'INVOKE' && this.#hearInvokes) continue
      const isKnown = event === 'SHUTDOWN' || event === 'INVOKE'
      const why = isKnown ? 'not supported for an internal extension' : 'unknown event'
      return refusal('Extension.InvalidEventType', `${String(event)}: ${why}`)
    }
    if (!this.#isRegistrationOpen) {
      return refusal('Extension.RegistrationClosed', 'Extension registration closed already')
    }
    if (this.names.includes(name)) {
      return refusal('Extension.InvalidExtensionState', 'Extension with this name already registered')
    }
    if (this.#byId.size >= maxExtensions) {
      return refusal('Extension.TooManyExtensions', `Extension limit (${maxExtensions}) reached`)
    }
    const extension = { id: randomUUID(), name, hearsInvokes: events.includes('INVOKE'), poll: undefined }
    this.#byId.set(extension.id, extension)
    return extension
  }
}

function refusal(errorType: string, errorMessage: string): Refusal {
  return { errorType, errorMessage }
}
