/** From the feedback queue to the status of recipients: at least once, in any order, harmless when repeated. */

import { type Feedback, parseSesEvent } from '@kabutar/aws/ses/event.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import { type FeedbackPorts, recordFeedback } from './record.ts'

const AGAIN_MS = 10_000

/**
 * The handler of the feedback queue. What a batch says of one message is recorded in turn: all of it changes one row, and
 * fifty recipients that are told of at once would try under each other's writes until they lie in the dead letters.
 */
export async function feedbackBatch(
  ports: FeedbackPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const heard = batch.map((delivery) => ({ delivery, read: readEvent(delivery.body) }))
  const byMessage = Map.groupBy(heard, ({ delivery, read }) => ('feedback' in read ? read.feedback.id : delivery.id))
  const failures: Failure[] = []
  await Promise.all(
    [...byMessage.values()].map(async (group) => {
      for (const one of group) {
        const failure = await handle(ports, one, signal)
        if (failure) failures.push(failure)
      }
    }),
  )
  return failures
}

type Read = { readonly feedback: Feedback } | { readonly error: unknown } | { readonly nothing: true }

function readEvent(body: string): Read {
  try {
    const feedback = parseSesEvent(body)
    return feedback === undefined ? { nothing: true } : { feedback }
  } catch (error) {
    return { error }
  }
}

type Heard = { readonly delivery: Delivery; readonly read: Read }

async function handle(ports: FeedbackPorts, { delivery: { id, attempt }, read }: Heard, signal: AbortSignal) {
  const again: Failure = { id, retryInMs: AGAIN_MS * 2 ** Math.min(attempt - 1, 6) }
  if (signal.aborted) return { id, retryInMs: 0 }
  try {
    if ('error' in read) throw read.error
    if ('feedback' in read) await recordFeedback(ports, read.feedback)
    return undefined
  } catch (error) {
    ports.log.error('feedback failed and comes back', { attempt, error: error as Error })
    return again
  }
}
