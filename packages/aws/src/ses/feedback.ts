/** The feedback queue: SES's events change the status of recipients, at least once and in any order. */
import { type Feedback, type FeedbackPorts, recordFeedback } from '@kabutar/core/feedback/record.ts'
import type { Delivery, Failure } from '@kabutar/core/ports/queue.ts'
import { Failures } from '@kabutar/core/store/failures.ts'
import { parseSesEvent } from './event.ts'

export type SesFeedbackPorts = FeedbackPorts & { readonly region: string }

/**
 * Handles a batch of SES events. Events on one message are recorded one after the other: all of them change the same row,
 * and fifty at once would fail each other's conditional writes until they end in the dead-letter queue.
 */
export async function feedbackFromSes(
  ports: SesFeedbackPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const failures = new Failures(ports, 'feedback', signal)
  const entries = batch.map((delivery) => ({ delivery, event: readEvent(delivery.body, ports.region) }))
  const byMessage = Map.groupBy(entries, ({ delivery, event }) => event.feedback?.id ?? delivery.id)
  await Promise.all(
    [...byMessage.values()].map(async (group) => {
      for (const { delivery, event } of group) {
        await record(ports, event, signal).catch((error) => failures.add(delivery, error))
      }
    }),
  )
  return failures.all()
}

/** `feedback` is undefined for an event that is not about a message of ours. */
type ReadEvent = { readonly feedback?: Feedback | undefined; readonly error?: unknown }

function readEvent(body: string, region: string): ReadEvent {
  try {
    return { feedback: parseSesEvent(body, region) }
  } catch (error) {
    return { error }
  }
}

async function record(ports: SesFeedbackPorts, { feedback, error }: ReadEvent, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  if (error !== undefined) throw error
  if (feedback !== undefined) await recordFeedback(ports, feedback)
}
