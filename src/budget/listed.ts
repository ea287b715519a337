/** More than these are not read by anybody. */
const MOST_NAMES = 12

/** Names, one after the other; of many the first, and how many more there are. */
export function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMES
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${more} more` : names.join(', ')
}
