import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Delivery, Depth, Outgoing, Queue, ReceiveOptions, Settlement } from '@kabutar/core/ports/queue.ts'
import { checkOutgoing } from '@kabutar/core/ports/queue-rules.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { type ClientOptions, httpHandler } from '../sdk-client.ts'
import { storeError } from '../store-errors.ts'

/** The answer to a long poll takes up to 20 s. */
export function sqsClient(options: ClientOptions = {}): SQSClient {
  return new SQSClient({ ...options, maxAttempts: 3, requestHandler: httpHandler({ answerWithinMs: 25_000 }) })
}

/**
 * The Queue port on a standard SQS queue. Its redrive policy moves an entry to the dead-letter queue after `maxAttempts`
 * receipts; the adapter only reports that number. SQS often settles an entry whose lease has ended without an error.
 */
export function sqsQueue(
  client: SQSClient,
  url: string,
  options: { readonly maxAttempts: number; readonly clock: Clock },
): Queue {
  const context = { client, url, clock: options.clock }
  return {
    maxAttempts: options.maxAttempts,
    send: (messages) => send(context, messages),
    receive: (receiveOptions) => receive(context, receiveOptions),
    settle: (settlements) => settle(context, settlements),
    extend: (deliveries, visibilityMs) => extend(context, deliveries, visibilityMs),
    depth: () => depth(context),
  }
}

type QueueContext = { readonly client: SQSClient; readonly url: string; readonly clock: Clock }

const BATCH = 10
/** SQS takes 1 MiB a request; the remainder is room for its framing. */
const BATCH_BYTES = 1_000_000
const SEND_TRIES = 5
const MAX_VISIBILITY_SECONDS = 43_200

type Entry = { readonly Id: string; readonly MessageBody: string; readonly DelaySeconds?: number }

async function send(context: QueueContext, messages: readonly Outgoing[]): Promise<void> {
  checkOutgoing(messages)
  let left: readonly Entry[] = messages.map(({ body, delayMs }, index) => ({
    Id: String(index),
    MessageBody: body,
    ...(delayMs && { DelaySeconds: seconds(delayMs) }),
  }))
  for (let tries = 1; left.length > 0; tries++) {
    const failed = new Set<string>()
    for (const batch of batches(left)) for (const id of await sendBatch(context, batch)) failed.add(id)
    left = left.filter((entry) => failed.has(entry.Id))
    if (left.length === 0) return
    if (tries === SEND_TRIES) throw new StoreError('Unavailable', `${left.length} entries were not queued`)
    await context.clock.sleep(50 * 2 ** tries * (1 + Math.random()))
  }
}

/** Returns the ids that SQS did not take through a fault of its own. @throws {StoreError} `Invalid` for a fault of ours */
async function sendBatch({ client, url }: QueueContext, entries: readonly Entry[]): Promise<readonly string[]> {
  const answer = await call(() => client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: [...entries] })))
  const ours = answer.Failed?.find((failure) => failure.SenderFault)
  if (ours) throw new StoreError('Invalid', ours.Message ?? ours.Code ?? 'SQS refuses an entry')
  return (answer.Failed ?? []).flatMap((failure) => failure.Id ?? [])
}

function* batches(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let batch: Entry[] = []
  let bytes = 0
  for (const entry of entries) {
    const size = Buffer.byteLength(entry.MessageBody)
    if (batch.length === BATCH || (batch.length > 0 && bytes + size > BATCH_BYTES)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(entry)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

async function receive({ client, url }: QueueContext, options: ReceiveOptions): Promise<readonly Delivery[]> {
  const { max, visibilityMs, waitMs, signal } = options
  const command = new ReceiveMessageCommand({
    QueueUrl: url,
    MaxNumberOfMessages: Math.min(BATCH, max),
    VisibilityTimeout: seconds(visibilityMs),
    WaitTimeSeconds: Math.min(20, seconds(waitMs)),
    MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
  })
  try {
    const answer = await client.send(command, signal ? { abortSignal: signal } : {})
    return (answer.Messages ?? []).map(deliveryOf)
  } catch (error) {
    // Entries that SQS handed to the aborted request come back after their visibility timeout.
    if (signal?.aborted) return []
    throw storeError(error)
  }
}

function deliveryOf({ MessageId, Body, ReceiptHandle, Attributes }: Message): Delivery {
  return {
    id: MessageId ?? '',
    body: Body ?? '',
    attempt: Number(Attributes?.ApproximateReceiveCount ?? 1),
    sentAt: Number(Attributes?.SentTimestamp ?? 0),
    handle: ReceiptHandle ?? '',
  }
}

async function settle(context: QueueContext, settlements: readonly Settlement[]): Promise<readonly string[]> {
  const done = settlements.flatMap((one) => (one.ok ? [one.delivery] : []))
  const again = settlements.flatMap((one) =>
    one.ok ? [] : [{ delivery: one.delivery, visibility: visibility(one.retryInMs) }],
  )
  const lost: string[] = []
  for (const part of inTens(done)) lost.push(...(await deleteBatch(context, part)))
  for (const part of inTens(again)) lost.push(...(await changeVisibility(context, part)))
  return lost
}

async function extend(context: QueueContext, deliveries: readonly Delivery[], visibilityMs: number): Promise<void> {
  const wanted = deliveries.map((delivery) => ({ delivery, visibility: visibility(visibilityMs) }))
  for (const part of inTens(wanted)) await changeVisibility(context, part)
}

async function deleteBatch({ client, url }: QueueContext, deliveries: readonly Delivery[]): Promise<readonly string[]> {
  const Entries = deliveries.map((delivery, index) => ({ Id: String(index), ReceiptHandle: delivery.handle }))
  const answer = await call(() => client.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries })))
  return (answer.Failed ?? []).flatMap((failure) => deliveries[Number(failure.Id)]?.id ?? [])
}

type Visibility = { readonly delivery: Delivery; readonly visibility: number }

async function changeVisibility(
  { client, url }: QueueContext,
  wanted: readonly Visibility[],
): Promise<readonly string[]> {
  const Entries = wanted.map(({ delivery, visibility }, index) => ({
    Id: String(index),
    ReceiptHandle: delivery.handle,
    VisibilityTimeout: visibility,
  }))
  const answer = await call(() => client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries })))
  return (answer.Failed ?? []).flatMap((failure) => wanted[Number(failure.Id)]?.delivery.id ?? [])
}

async function depth({ client, url }: QueueContext): Promise<Depth> {
  const { Attributes = {} } = await call(() =>
    client.send(
      new GetQueueAttributesCommand({
        QueueUrl: url,
        AttributeNames: [
          'ApproximateNumberOfMessages',
          'ApproximateNumberOfMessagesNotVisible',
          'ApproximateNumberOfMessagesDelayed',
        ],
      }),
    ),
  )
  return {
    ready: Number(Attributes.ApproximateNumberOfMessages ?? 0),
    leased: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
    delayed: Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
  }
}

async function call<T>(send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    throw storeError(error)
  }
}

function* inTens<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += BATCH) yield all.slice(from, from + BATCH)
}

/** Rounds up to SQS's seconds, so that no wait is cut short. */
function seconds(ms: number): number {
  return Math.ceil(ms / 1000)
}

function visibility(ms: number): number {
  return Math.min(MAX_VISIBILITY_SECONDS, seconds(ms))
}
