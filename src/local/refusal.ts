/** What was asked for can't be: one line for whoever asked, which says what would do. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code = 'LOCAL_REFUSED'
}
