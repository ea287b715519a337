/** When work that was asked for is done. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T>

export const atOnce: Turn = (work) => work()

/** In the order in which it was asked for, and never two at once: those who ask again and again take turns. */
export function oneAtATime(): Turn {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work)
    last = mine.catch(() => {})
    return mine
  }
}
