import { BudgetError } from '../errors.js'

/** A file that no budget can be drawn up from, in a line. */
export function unreadable(file: string, found: string): BudgetError {
  return refused(
    `${file}: expected a CloudFormation or SAM template, a cdk.out, or the JSON of Terraform, Pulumi or SST, got ${found}`,
  )
}

/** What was said can't be, so that nothing else is known. */
export function refused(message: string): BudgetError {
  return new BudgetError('PG_THAW_CONFIGURATION', message, [{ kind: 'wrong', message }])
}

/** A question that has to be answered before anything else is known. */
export function asked(message: string): BudgetError {
  return new BudgetError('PG_THAW_CONFIGURATION', message, [{ kind: 'missing', message }])
}
