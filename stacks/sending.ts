import { enqueue, manyRows, owner, readBlobs, rows, sesArn, tenantPrefix } from './access.ts'
import type { Settled } from './settings.ts'
import type { Storage } from './storage.ts'
import type { Webhooks } from './webhooks.ts'
import { sesTopic, subscribeQueue, workOff, workQueue } from './worker.ts'

const SEND_TIMEOUT_SECONDS = 60
const FEEDBACK_TIMEOUT_SECONDS = 30

/**
 * Declares the send queue with its worker, SES's configuration set, and the way of its events: SNS -> SQS -> `feedback`.
 * SES identities are created at run time, when a domain is added through the API.
 */
export function sending(settings: Settled, stored: Storage, notifying: Webhooks) {
  const { memory, concurrency } = settings
  const configurationSet = eventfulConfigurationSet()
  const work = workQueue('Send', SEND_TIMEOUT_SECONDS)
  const worker = workOff(work, {
    handler: 'functions/send.handler',
    timeoutSeconds: SEND_TIMEOUT_SECONDS,
    memory: memory.send,
    environment: {
      ...stored.environment,
      ...notifying.environment,
      KABUTAR_SEND_QUEUE: work.queue.url,
      KABUTAR_CONFIGURATION_SET: configurationSet.configurationSetName,
      ...(settings.tenants && { KABUTAR_TENANTS: owner() }),
      // Each worker takes one of so many equal parts of the account's send rate; other stages take the rest.
      KABUTAR_SEND_CONCURRENCY: String(Math.ceil(concurrency.send / settings.sesRateShare)),
    },
    permissions: [
      ...rows(stored.table),
      ...manyRows(stored.table),
      ...readBlobs(stored.blobs),
      ...enqueue(notifying.queue),
      {
        actions: ['ses:SendEmail', 'ses:SendRawEmail'],
        resources: [sesArn('identity/*'), configurationSet.arn, ...(settings.tenants ? [tenants()] : [])],
      },
      { actions: ['ses:GetAccount'], resources: ['*'] },
    ],
    concurrency: concurrency.send,
  })
  return { ...worker, configurationSet, feedback: feedback(settings, stored, notifying, configurationSet) }
}
export type Sending = ReturnType<typeof sending>

/** The ARNs of tenants end in an id that SES chooses. */
export const tenants = () => sesArn(`tenant/${tenantPrefix()}*`)

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

function feedback(
  { memory, concurrency }: Settled,
  stored: Storage,
  notifying: Webhooks,
  configurationSet: aws.sesv2.ConfigurationSet,
) {
  const topic = sesTopic('SesEvents', configurationSet.arn)
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
    memory: memory.feedback,
    environment: {
      KABUTAR_TABLE: stored.table.name,
      KABUTAR_FEEDBACK_QUEUE: work.queue.url,
      ...notifying.environment,
    },
    permissions: [...rows(stored.table), ...enqueue(notifying.queue)],
    batch: { size: 50, windowSeconds: 2 },
    concurrency: concurrency.feedback,
  })
}
