/**
 * The AWS platform put together. Each function asks for the ports that its operation takes, once, while it starts; what
 * it does not ask for is left out of its bundle, clients of the SDK included. Ports that load something by import() have
 * a file of their own: a bundler keeps that for whoever names the file, called or not.
 */
import { dynamoClient, sqsClient } from '@kabutar/aws/clients.ts'
import { dynamoTable } from '@kabutar/aws/dynamo/table.ts'
import { lambdaLog } from '@kabutar/aws/lambda/log.ts'
import { sesMessageId } from '@kabutar/aws/ses/message-id.ts'
import { sqsQueue } from '@kabutar/aws/sqs/queue.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { durationsSetting, listSetting, numberSetting, setting } from './settings.ts'

const WEBHOOK_RETRIES = '0s,5s,5m,30m,2h,5h,10h,10h'
/** stacks/worker.ts has the queues' own number; it only counts where entries are received. */
const ATTEMPTS = 5

const clock = systemClock

/** What every function has. */
export function basicPorts() {
  return {
    clock,
    caches: newCaches(clock),
    ids: uuidIds(clock),
    log: lambdaLog(),
    random: Math.random,
    table: dynamoTable(dynamoClient(), setting('KABUTAR_TABLE'), clock),
  }
}

const QUEUE_SETTINGS = {
  sendQueue: 'KABUTAR_SEND_QUEUE',
  webhookQueue: 'KABUTAR_WEBHOOK_QUEUE',
  receiveQueue: 'KABUTAR_RECEIVE_QUEUE',
  feedbackQueue: 'KABUTAR_FEEDBACK_QUEUE',
  lostQueue: 'KABUTAR_LOST_QUEUE',
} as const
type QueueName = keyof typeof QUEUE_SETTINGS

/** The queues share one client, and so its connections. */
let client: ReturnType<typeof sqsClient> | undefined
function sharedSqs() {
  client ??= sqsClient()
  return client
}

export function queuePorts<N extends QueueName>(...names: readonly N[]) {
  const sqs = sharedSqs()
  const maxAttempts = numberSetting('KABUTAR_ATTEMPTS', ATTEMPTS)
  const queues = names.map((name) => [name, sqsQueue(sqs, setting(QUEUE_SETTINGS[name]), { maxAttempts, clock })])
  return Object.fromEntries(queues) as Record<N, ReturnType<typeof sqsQueue>>
}

/** By the name that each has in the account. */
export function deadLetterQueues() {
  const sqs = sharedSqs()
  const urls = listSetting('KABUTAR_DEAD_LETTERS')
  return new Map(
    urls.map((url) => [url.slice(url.lastIndexOf('/') + 1), sqsQueue(sqs, url, { maxAttempts: 1, clock })]),
  )
}

export function webhookPorts() {
  return { webhookRetriesMs: durationsSetting('KABUTAR_WEBHOOK_RETRIES', WEBHOOK_RETRIES) }
}

/** `on` only beside stand-ins of AWS: the stacks never pass it. */
export function allowPrivate(): boolean {
  return process.env.KABUTAR_ALLOW_PRIVATE === 'on'
}

export function feedbackPorts() {
  const region = setting('AWS_REGION')
  return { messageIdOf: (relayId: string) => sesMessageId(relayId, region) }
}
