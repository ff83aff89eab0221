import { enqueue, INBOUND, manyRows, readBlobs, rows, rulePrefix, sesArn, writeBlobs } from './access.ts'
import { joinedRuleSet } from './rule-set.ts'
import type { Settled } from './settings.ts'
import type { Storage } from './storage.ts'
import type { Webhooks } from './webhooks.ts'
import { allowing, sameAccount, sesTopic, subscribeQueue, type WorkQueue, workOff, workQueue } from './worker.ts'

const TIMEOUT_SECONDS = 120
/** The timeout of the sweep, which empties the reconcile queue. */
export const SWEEP_TIMEOUT_SECONDS = 50
/** SES's notification comes within seconds of the object; after this time it counts as lost. */
const RECONCILE_AFTER_SECONDS = 900

/**
 * Declares the way of inbound mail. SES writes the object and then publishes a notification with the envelope (topic ->
 * SQS -> `receive`). S3's own event of the object waits 15 minutes in the reconcile queue, and then recovers the message if
 * its notification was lost. Nothing polls that queue, which would cost $0.26 a month: the sweep moves its entries on.
 * A verified domain joins the stage's receipt rules (packages/aws/src/ses/receipt-rules.ts) in the active rule set.
 * A stage that only sends has no topic and no rule set; its receive queue still deletes, expires and reads again.
 */
export async function receiving(settings: Settled, stored: Storage, notifying: Webhooks) {
  const work = workQueue('Receive', TIMEOUT_SECONDS)
  const rules = settings.receiving ? await receiptRules(work) : undefined
  const worker = workOff(work, {
    handler: 'functions/receive.handler',
    timeoutSeconds: TIMEOUT_SECONDS,
    memory: settings.memory.receive,
    environment: {
      ...stored.environment,
      ...notifying.environment,
      KABUTAR_RECEIVE_QUEUE: work.queue.url,
      KABUTAR_RETENTION: settings.retention,
    },
    permissions: [
      ...rows(stored.table),
      ...manyRows(stored.table),
      ...readBlobs(stored.blobs),
      ...writeBlobs(stored.blobs),
      ...enqueue(notifying.queue),
    ],
    concurrency: settings.concurrency.receive,
  })
  return { ...worker, reconcile: reconciling(stored), rules }
}
export type Receiving = Awaited<ReturnType<typeof receiving>>

async function receiptRules(work: WorkQueue) {
  const ruleSet = await joinedRuleSet()
  const topic = sesTopic('Inbound', sesArn(`receipt-rule-set/*:receipt-rule/${rulePrefix()}*`))
  subscribeQueue('Inbound', topic, work)
  const environment = {
    KABUTAR_RULE_SET: ruleSet,
    KABUTAR_INBOUND_TOPIC: topic.arn,
  }
  return { ruleSet, environment }
}

function reconciling(stored: Storage): WorkQueue {
  const work = workQueue('Reconcile', SWEEP_TIMEOUT_SECONDS, RECONCILE_AFTER_SECONDS)
  const policy = new aws.sqs.QueuePolicy('ReconcileQueuePolicy', {
    queueUrl: work.queue.url,
    policy: allowing('s3.amazonaws.com', 'sqs:SendMessage', work.queue.arn, [
      sameAccount(),
      { test: 'ArnEquals', variable: 'aws:SourceArn', values: [stored.blobs.arn] },
    ]),
  })
  new aws.s3.BucketNotification(
    'BlobsNotification',
    {
      bucket: stored.blobs.name,
      queues: [{ queueArn: work.queue.arn, events: ['s3:ObjectCreated:*'], filterPrefix: `${INBOUND}/` }],
    },
    { dependsOn: policy },
  )
  return work
}
