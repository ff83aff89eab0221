/** The feedback queue: SES's events change the status of recipients, at least once and in any order. */
import { type Feedback, type FeedbackPorts, recordFeedback } from '@kabutar/core/feedback/record.ts'
import type { Delivery, Failure } from '@kabutar/core/ports/queue.ts'
import { parseSesEvent } from './event.ts'

export type SesFeedbackPorts = FeedbackPorts & { readonly region: string }

const RETRY_MS = 10_000
const MAX_DOUBLINGS = 6

/**
 * Handles a batch of SES events. Events on one message are recorded one after the other: all of them change the same row,
 * and fifty at once would fail each other's conditional writes until they end in the dead-letter queue.
 */
export async function feedbackFromSes(
  ports: SesFeedbackPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const entries = batch.map((delivery) => ({ delivery, event: readEvent(delivery.body, ports.region) }))
  const byMessage = Map.groupBy(entries, ({ delivery, event }) => event.feedback?.id ?? delivery.id)
  const failures: Failure[] = []
  await Promise.all(
    [...byMessage.values()].map(async (group) => {
      for (const entry of group) {
        const failure = await record(ports, entry, signal)
        if (failure) failures.push(failure)
      }
    }),
  )
  return failures
}

/** `feedback` is undefined for an event that is not about a message of ours. */
type ReadEvent = { readonly feedback?: Feedback | undefined; readonly error?: unknown }
type Entry = { readonly delivery: Delivery; readonly event: ReadEvent }

function readEvent(body: string, region: string): ReadEvent {
  try {
    return { feedback: parseSesEvent(body, region) }
  } catch (error) {
    return { error }
  }
}

async function record(
  ports: SesFeedbackPorts,
  { delivery: { id, attempt }, event }: Entry,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  if (signal.aborted) return { id, retryInMs: 0 }
  try {
    if (event.error !== undefined) throw event.error
    if (event.feedback !== undefined) await recordFeedback(ports, event.feedback)
    return undefined
  } catch (error) {
    ports.log.error('SES feedback could not be recorded and comes back', { attempt, error: error as Error })
    return { id, retryInMs: RETRY_MS * 2 ** Math.min(attempt - 1, MAX_DOUBLINGS) }
  }
}
