import { besides, type Caller } from '../act/strikes.js'
import type { Fleet } from '../watch/fleet.js'
import type { Events } from './events.js'

/** Somebody who calls the function that was called last, with its event. */
export function callerOf(fleets: readonly Fleet[], events: Events): Caller {
  const call = async () => {
    const fleet = lastCalled(fleets)
    const { outcome, latencyMillis, error } = await fleet.invoke(events.of(fleet.facts.name))
    const failure = outcome === 'response' ? '' : ` (${error?.errorMessage ?? outcome})`
    const text = `the next call of ${fleet.facts.name}: ${outcome}${failure} in ${Math.round(latencyMillis)} ms`
    return { next: `${text}${await besides(fleet)}`, isWell: outcome === 'response' }
  }
  return {
    async warm() {
      const isWarm = lastCalled(fleets)
        .look()
        .some(({ state, invocations }) => state === 'frozen' && invocations > 1)
      if (isWarm) return
      for (let time = 0; time < 2; time++) await call()
    },
    next: call,
  }
}

function lastCalled(fleets: readonly Fleet[]): Fleet {
  const [first] = fleets.toSorted((a, b) => b.lastCallAt - a.lastCallAt)
  if (first === undefined) throw new Error('bug: there is no function')
  return first
}
