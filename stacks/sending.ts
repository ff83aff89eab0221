import { enqueue, readBlobs, rows, sesArn } from './access.ts'
import type { Storage } from './storage.ts'
import type { Webhooks } from './webhooks.ts'
import { sesTopic, subscribeQueue, workOff, workQueue } from './worker.ts'

/** Number of workers that send at the same time; each takes its share of the account's send rate. */
const CONCURRENCY = 5
const SEND_TIMEOUT_SECONDS = 60
const FEEDBACK_TIMEOUT_SECONDS = 30

/**
 * Declares the send queue with its worker, SES's configuration set, and the way of its events: SNS -> SQS -> `feedback`.
 * SES identities are created at run time, when a domain is added through the API.
 */
export function sending(stored: Storage, notifying: Webhooks) {
  const configurationSet = eventfulConfigurationSet()
  const work = workQueue('Send', SEND_TIMEOUT_SECONDS)
  const worker = workOff(work, {
    handler: 'functions/send.handler',
    timeoutSeconds: SEND_TIMEOUT_SECONDS,
    // A message of 40 MB is composed in memory, and so is its request.
    memory: '512 MB',
    environment: {
      ...stored.environment,
      ...notifying.environment,
      KABUTAR_SEND_QUEUE: work.queue.url,
      KABUTAR_CONFIGURATION_SET: configurationSet.configurationSetName,
      KABUTAR_SEND_CONCURRENCY: String(CONCURRENCY),
    },
    permissions: [
      ...rows(stored.table),
      ...readBlobs(stored.blobs),
      ...enqueue(work.queue, notifying.queue),
      {
        actions: ['ses:SendEmail', 'ses:SendRawEmail'],
        resources: [sesArn('identity/*'), configurationSet.arn],
      },
      { actions: ['ses:GetAccount'], resources: ['*'] },
    ],
    concurrency: CONCURRENCY,
  })
  return { ...worker, feedback: feedback(stored, notifying, configurationSet) }
}
export type Sending = ReturnType<typeof sending>

function eventfulConfigurationSet() {
  return new aws.sesv2.ConfigurationSet('ConfigurationSet', {
    configurationSetName: `${$app.name}-${$app.stage}`,
    // SES's own list is off: each account has a suppression list of ours, which reports what it suppressed.
    suppressionOptions: { suppressedReasons: [] },
    reputationOptions: { reputationMetricsEnabled: true },
    deliveryOptions: { tlsPolicy: 'OPTIONAL' },
    sendingOptions: { sendingEnabled: true },
  })
}

function feedback(stored: Storage, notifying: Webhooks, configurationSet: aws.sesv2.ConfigurationSet) {
  const topic = sesTopic('SesEvents')
  const work = workQueue('Feedback', FEEDBACK_TIMEOUT_SECONDS)
  subscribeQueue('SesEvents', topic, work)
  new aws.sesv2.ConfigurationSetEventDestination('SesEventDestination', {
    configurationSetName: configurationSet.configurationSetName,
    eventDestinationName: 'feedback',
    eventDestination: {
      enabled: true,
      matchingEventTypes: ['DELIVERY', 'BOUNCE', 'COMPLAINT', 'REJECT', 'DELIVERY_DELAY'],
      snsDestination: { topicArn: topic.arn },
    },
  })
  return workOff(work, {
    handler: 'functions/feedback.handler',
    timeoutSeconds: FEEDBACK_TIMEOUT_SECONDS,
    environment: {
      KABUTAR_TABLE: stored.table.name,
      KABUTAR_FEEDBACK_QUEUE: work.queue.url,
      ...notifying.environment,
    },
    permissions: [...rows(stored.table), ...enqueue(notifying.queue)],
    batch: { size: 50, windowSeconds: 2 },
    concurrency: 5,
  })
}
