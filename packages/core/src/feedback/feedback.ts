/** From the feedback queue to the status of recipients: at least once, in any order, harmless when repeated. */
import type { Delivery, Failure } from '../ports/queue.ts'
import { type FeedbackPorts, recordFeedback } from './record.ts'
import { parseSesEvent } from './ses-event.ts'

const AGAIN_MS = 10_000

/** The handler of the feedback queue. */
export async function feedbackBatch(
  ports: FeedbackPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const failures = await Promise.all(batch.map((delivery) => handle(ports, delivery, signal)))
  return failures.filter((failure) => failure !== undefined)
}

async function handle(ports: FeedbackPorts, { id, body, attempt }: Delivery, signal: AbortSignal) {
  const again: Failure = { id, retryInMs: AGAIN_MS * 2 ** Math.min(attempt - 1, 6) }
  if (signal.aborted) return { id, retryInMs: 0 }
  try {
    const feedback = parseSesEvent(body)
    if (feedback !== undefined) await recordFeedback(ports, feedback)
    return undefined
  } catch (error) {
    ports.log.error('feedback failed and comes back', { attempt, error: error as Error })
    return again
  }
}
