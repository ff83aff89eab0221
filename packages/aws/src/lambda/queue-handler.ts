import type { Delivery, Failure, Handler, Queue } from '@kabutar/core/ports/queue.ts'

/** The event of an SQS event source mapping, and its answer with `ReportBatchItemFailures`. */
export type SqsRecord = {
  readonly messageId: string
  readonly receiptHandle: string
  readonly body: string
  readonly attributes: Readonly<Record<string, string | undefined>>
}
type SqsBatch = { readonly Records: readonly SqsRecord[] }
type LambdaContext = { getRemainingTimeInMillis(): number }
export type BatchAnswer = { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] }

/** The signal aborts this long before Lambda would end the invocation. */
const STOP_BEFORE_MS = 2_000

/**
 * Runs the handler of a queue as a Lambda function. It reports failures by id, and makes each failed entry visible again
 * after its own `retryInMs` instead of the queue's visibility timeout. A throw fails the whole batch: Lambda counts an
 * error, and every entry comes back.
 */
export function queueHandler(queue: Pick<Queue, 'settle'>, handler: Handler) {
  return async (event: SqsBatch, context: LambdaContext): Promise<BatchAnswer> => {
    const batch = event.Records.map(deliveryOf)
    const untilStop = Math.max(0, context.getRemainingTimeInMillis() - STOP_BEFORE_MS)
    const failures = await handler(batch, AbortSignal.timeout(untilStop))
    await retryInTime(queue, batch, failures)
    return { batchItemFailures: failures.map(({ id }) => ({ itemIdentifier: id })) }
  }
}

function deliveryOf({ messageId, receiptHandle, body, attributes }: SqsRecord): Delivery {
  return {
    id: messageId,
    body,
    attempt: Number(attributes.ApproximateReceiveCount ?? 1),
    sentAt: Number(attributes.SentTimestamp ?? 0),
    handle: receiptHandle,
  }
}

/** Shortens the wait of failed entries. If SQS does not take it, they come back after the queue's visibility timeout. */
async function retryInTime(
  queue: Pick<Queue, 'settle'>,
  batch: readonly Delivery[],
  failures: readonly Failure[],
): Promise<void> {
  const byId = new Map(batch.map((delivery) => [delivery.id, delivery]))
  const settlements = failures.flatMap(({ id, ...retry }) => {
    const delivery = byId.get(id)
    return delivery ? [{ delivery, ok: false as const, ...retry }] : []
  })
  if (settlements.length === 0) return
  try {
    await queue.settle(settlements)
  } catch {
    // The answer to Lambda still returns the entries to the queue.
  }
}
