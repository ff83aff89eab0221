import type { Delivery, Failure, Handler, Queue } from '@kabutar/core/ports/queue.ts'

/** What Lambda's SQS event source passes and wants back, with `ReportBatchItemFailures` on. */
export type SqsRecord = {
  readonly messageId: string
  readonly receiptHandle: string
  readonly body: string
  readonly attributes: Readonly<Record<string, string | undefined>>
}
export type SqsBatch = { readonly Records: readonly SqsRecord[] }
export type LambdaContext = { getRemainingTimeInMillis(): number }
export type BatchAnswer = { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] }

/** The handler stops starting work this long before Lambda would kill it. */
const STOP_BEFORE_MS = 2_000

/**
 * One worker as a Lambda function: failures are answered by id, and each is made visible again after its own
 * `retryInMs`; otherwise all would wait for the queue's whole visibility timeout. A throw fails the batch: Lambda
 * counts it as an error and every entry comes back.
 */
export function toLambda(queue: Pick<Queue, 'settle'>, handler: Handler) {
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

/** A courtesy: if it fails, the entries come back later, with the queue's visibility timeout. */
async function retryInTime(
  queue: Pick<Queue, 'settle'>,
  batch: readonly Delivery[],
  failures: readonly Failure[],
): Promise<void> {
  const byId = new Map(batch.map((delivery) => [delivery.id, delivery]))
  const settlements = failures.flatMap(({ id, retryInMs }) => {
    const delivery = byId.get(id)
    return delivery ? [{ delivery, ok: false as const, retryInMs }] : []
  })
  if (settlements.length === 0) return
  try {
    await queue.settle(settlements)
  } catch {
    // The answer to Lambda below still returns them to the queue.
  }
}
