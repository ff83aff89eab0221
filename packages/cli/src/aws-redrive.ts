import {
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  type SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { sqsQueue } from '@kabutar/aws/sqs/queue.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Queue } from '@kabutar/core/ports/queue.ts'
import { deadLettersOf } from './aws-stage.ts'

const BATCH = 10
const MAX_BATCHES = 100_000
const VISIBILITY_MS = 60_000
const ASK_EVERY_MS = 1000
const MAX_WAIT_MS = 3600_000
/** Names the errors of SQS, or of what stands in for it, where it cannot move entries by itself. */
const UNSUPPORTED = /UnsupportedOperation|InvalidAction|UnknownOperation/

type Moved = { readonly name: string; readonly entries: number }

/** Moves the dead letters of a stage back to their queues. @throws {Error} if there is no such queue, or SQS gives up */
export async function redriveStage(
  client: SQSClient,
  clock: Clock,
  stage: string,
  wanted: string | undefined,
): Promise<readonly Moved[]> {
  const chosen = (await deadLettersOf(client, stage)).filter(({ name }) => wanted === undefined || name === wanted)
  if (chosen.length === 0) throw new Error(`no such queue in stage ${stage}; --help lists them`)
  const queue = (url: string) => sqsQueue(client, url, { maxAttempts: 5, clock })
  const moved: Moved[] = []
  for (const { name, from, to } of chosen) {
    moved.push({ name, entries: (await moveTask(client, clock, from, to)) ?? (await redrive(queue(from), queue(to))) })
  }
  return moved
}

/** Lets SQS move all entries, and waits for it. Undefined where it cannot. */
async function moveTask(client: SQSClient, clock: Clock, from: string, to: string): Promise<number | undefined> {
  const [SourceArn, DestinationArn] = await Promise.all([from, to].map((url) => arnOf(client, url)))
  try {
    await client.send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn }))
  } catch (error) {
    if (UNSUPPORTED.test((error as Error).name)) return undefined
    throw error
  }
  for (const end = clock.now() + MAX_WAIT_MS; clock.now() < end; await clock.sleep(ASK_EVERY_MS)) {
    const { Results = [] } = await client.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 1 }))
    const { Status, ApproximateNumberOfMessagesMoved = 0, FailureReason } = Results[0] ?? {}
    if (Status === 'COMPLETED') return ApproximateNumberOfMessagesMoved
    if (Status === 'FAILED' || Status === 'CANCELLED') throw new Error(`SQS stopped moving: ${FailureReason ?? Status}`)
  }
  throw new Error('SQS is still moving entries after an hour; it goes on by itself')
}

async function arnOf(client: SQSClient, QueueUrl: string): Promise<string> {
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] })
  return (await client.send(command)).Attributes?.QueueArn ?? ''
}

/**
 * Moves all entries, ten at a time, until the queue is empty. It sends them before it removes them, so that a crash in
 * between loses none.
 */
export async function redrive(from: Queue, to: Queue): Promise<number> {
  let moved = 0
  for (let batches = 0; batches < MAX_BATCHES; batches++) {
    const letters = await from.receive({ max: BATCH, visibilityMs: VISIBILITY_MS, waitMs: 1000 })
    if (letters.length === 0) return moved
    await to.send(letters.map(({ body }) => ({ body })))
    await from.settle(letters.map((delivery) => ({ delivery, ok: true })))
    moved += letters.length
  }
  return moved
}
