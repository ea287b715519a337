import { setTimeout as pause } from 'node:timers/promises'
import type { CloudFormationCustomResourceEvent } from 'aws-lambda'

/** What a request of CloudFormation came to. */
export type Result = { readonly Status: 'SUCCESS' } | { readonly Status: 'FAILED'; readonly Reason: string }

const ATTEMPTS = 3
const ATTEMPT_MILLIS = 3000
const PAUSE_MILLIS = 500

/** Longest that {@link answerCloudFormation} takes, ms. */
export const ANSWER_MILLIS = ATTEMPTS * (ATTEMPT_MILLIS + PAUSE_MILLIS)

/** The whole answer may have 4096 bytes. */
const LONGEST_REASON = 1000

/**
 * Tells CloudFormation, which otherwise waits until its own timeout.
 *
 * @throws Error when it can't be told. Lambda then calls the function again.
 */
export async function answerCloudFormation(event: CloudFormationCustomResourceEvent, result: Result): Promise<void> {
  const { StackId, RequestId, LogicalResourceId } = event
  const Reason = result.Status === 'FAILED' ? result.Reason.slice(0, LONGEST_REASON) : undefined
  // The same whenever it is asked: another one would make CloudFormation delete the one before.
  const identity = { PhysicalResourceId: 'migration', StackId, RequestId, LogicalResourceId }
  const body = JSON.stringify({ Status: result.Status, Reason, ...identity })
  let failure: unknown
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      // The address was signed for no content type.
      const request = { method: 'PUT', headers: { 'content-type': '' }, body }
      const { ok, status } = await fetch(event.ResponseURL, { ...request, signal: AbortSignal.timeout(ATTEMPT_MILLIS) })
      if (ok) return
      failure = new Error(`status ${status}`)
    } catch (error) {
      failure = error
    }
    await pause(PAUSE_MILLIS)
  }
  // Without the address: whoever has it can answer.
  throw new Error('CloudFormation could not be told', { cause: failure })
}
