/**
 * Composes the AWS adapters. Each function asks, while it starts, for the ports that its operation takes, and the bundler
 * leaves out what it does not ask for, clients of the SDK included. The bundler does keep every `import()` of a file, used
 * or not: so the functions themselves name the modules that they load on demand.
 */
import { randomUUID } from 'node:crypto'
import { dynamoClient, dynamoTable } from '@kabutar/aws/dynamo/table.ts'
import { lambdaLog } from '@kabutar/aws/lambda/log.ts'
import { sesClient } from '@kabutar/aws/ses/client.ts'
import { sesRelay } from '@kabutar/aws/ses/relay.ts'
import { sqsClient, sqsQueue } from '@kabutar/aws/sqs/queue.ts'
import { DEFAULT_STORAGE_GB, GB } from '@kabutar/core/accounts/storage.ts'
import type { Blobs } from '@kabutar/core/ports/blobs.ts'
import { boundedLog } from '@kabutar/core/ports/bounded-log.ts'
import { directCompute } from '@kabutar/core/ports/compute.ts'
import type { Identities } from '@kabutar/core/ports/identities.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { DEFAULT_SEND_RETRIES, DEFAULT_WEBHOOK_RETRIES } from '@kabutar/core/retry-schedules.ts'
import { watchedRelay } from '@kabutar/core/sending/watched-relay.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { lazy } from '@kabutar/core/store/lazy.ts'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import { dnsRecords } from '@kabutar/local/dns.ts'
import { defaultMemoryBytes } from '@kabutar/local/memory.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { durationsSetting, listSetting, numberSetting, retentionSetting, setting } from './settings.ts'

/** stacks/worker.ts has the queues' own number; it only counts where entries are received. */
const ATTEMPTS = 5

const clock = systemClock

/** Ports of every function. */
export function basicPorts() {
  return {
    clock,
    compute: directCompute,
    memory: new Semaphore(defaultMemoryBytes(), clock),
    caches: newCaches(clock),
    ids: uuidIds(clock),
    log: boundedLog(lambdaLog(), clock),
    random: Math.random,
    table: dynamoTable(dynamoClient(), setting('KABUTAR_TABLE'), clock),
  }
}

const QUEUE_SETTINGS = {
  sendQueue: 'KABUTAR_SEND_QUEUE',
  webhookQueue: 'KABUTAR_WEBHOOK_QUEUE',
  receiveQueue: 'KABUTAR_RECEIVE_QUEUE',
  feedbackQueue: 'KABUTAR_FEEDBACK_QUEUE',
  reconcileQueue: 'KABUTAR_RECONCILE_QUEUE',
} as const
type QueueName = keyof typeof QUEUE_SETTINGS

export function queuePorts<N extends QueueName>(...names: readonly N[]) {
  const client = sqsClient()
  const maxAttempts = numberSetting('KABUTAR_ATTEMPTS', ATTEMPTS)
  const queues = names.map((name) => [name, sqsQueue(client, setting(QUEUE_SETTINGS[name]), { maxAttempts, clock })])
  return Object.fromEntries(queues) as Record<N, ReturnType<typeof sqsQueue>>
}

/** Makes the dead-letter queues, by their names in the account. */
export function deadLetterQueues() {
  const client = sqsClient()
  const urls = listSetting('KABUTAR_DEAD_LETTERS')
  return new Map(
    urls.map((url) => [url.slice(url.lastIndexOf('/') + 1), sqsQueue(client, url, { maxAttempts: 1, clock })]),
  )
}

export function webhookPorts() {
  return { webhookRetriesMs: durationsSetting('KABUTAR_WEBHOOK_RETRIES', DEFAULT_WEBHOOK_RETRIES) }
}

/** `KABUTAR_STORAGE` is in GB, or `off`. */
export function storagePorts() {
  const isOff = process.env.KABUTAR_STORAGE === 'off'
  return { storageBytes: isOff ? Number.POSITIVE_INFINITY : GB * numberSetting('KABUTAR_STORAGE', DEFAULT_STORAGE_GB) }
}

/** How long mail is kept, of accounts that have no retention of their own. */
export function retentionPorts() {
  return { retention: retentionSetting('KABUTAR_RETENTION') }
}

/**
 * False on AWS, where the network behind a function is the account's own: the stacks never set it. Tests set it to reach
 * endpoints on the same machine.
 */
export function allowPrivate(): boolean {
  return process.env.KABUTAR_ALLOW_PRIVATE === 'on'
}

export function relayPorts({ table, random }: Pick<ReturnType<typeof basicPorts>, 'table' | 'random'>) {
  const log = boundedLog(lambdaLog(), clock)
  const relay = sesRelay(sesClient(), {
    region: setting('AWS_REGION'),
    configurationSet: setting('KABUTAR_CONFIGURATION_SET'),
    tenantOwner: process.env.KABUTAR_TENANTS,
    concurrency: numberSetting('KABUTAR_SEND_CONCURRENCY'),
    table,
    clock,
    log,
    random,
  })
  return {
    relay: watchedRelay(relay, { log, clock, setting: 'the SES account' }),
    // Another sandbox may always be at work, so a lease is never void before its time.
    worker: { id: randomUUID(), exclusive: false },
    sendRetries: durationsSetting('KABUTAR_SEND_RETRIES', DEFAULT_SEND_RETRIES),
  }
}

type BlobsModule = typeof import('@kabutar/aws/s3/blobs.ts')

/**
 * Loads the client of S3 when a blob is first used. Most messages fit their row, and without the client a function starts
 * 25 ms sooner.
 */
export function blobPorts(load: () => Promise<BlobsModule>): { readonly blobs: Blobs } {
  const bucket = setting('KABUTAR_BUCKET')
  const opened = lazy(async () => {
    const { s3Blobs, s3Client } = await load()
    return s3Blobs(s3Client(), bucket)
  })
  return {
    blobs: {
      put: async (...call) => (await opened()).put(...call),
      get: async (...call) => (await opened()).get(...call),
      open: async (...call) => (await opened()).open(...call),
      delete: async (...call) => (await opened()).delete(...call),
      link: async (...call) => (await opened()).link(...call),
      uploadLink: async (...call) => (await opened()).uploadLink(...call),
    },
  }
}

/** False for a stage that only sends. */
function receives(): boolean {
  return process.env.KABUTAR_RECEIVING !== 'off'
}

type IdentityModules = [
  typeof import('@kabutar/aws/ses/identities.ts'),
  typeof import('@kabutar/aws/ses/receipt-rules.ts'),
  typeof import('@kabutar/aws/ses/tenants.ts'),
]

/** Loads the two clients of SES when a domain is first changed or checked, which few requests do. */
export function identityPorts(table: Table, load: () => Promise<IdentityModules>): { readonly identities: Identities } {
  const region = setting('AWS_REGION')
  const owner = setting('KABUTAR_OWNER')
  const identityArn = setting('KABUTAR_IDENTITY_ARN')
  // Set where each account has a tenant of SES.
  const configurationSetArn = process.env.KABUTAR_CONFIGURATION_SET_ARN
  const options = receives() && {
    prefix: `${owner}.`,
    ruleSet: setting('KABUTAR_RULE_SET'),
    bucket: setting('KABUTAR_BUCKET'),
    topicArn: setting('KABUTAR_INBOUND_TOPIC'),
    table,
    clock,
  }
  const opened = lazy(async () => {
    const [{ sesIdentities, identitiesClient }, { receiptRules, rulesClient }, { sesTenants }] = await load()
    const rules = options ? receiptRules(rulesClient(), options) : undefined
    const client = identitiesClient()
    const tenants = configurationSetArn ? sesTenants(client, { owner, identityArn, configurationSetArn }) : undefined
    return sesIdentities(client, { region, identityArn, owner, rules, tenants, records: dnsRecords() })
  })
  return {
    identities: {
      region,
      ownReturnPath: true,
      receives: receives(),
      connects: true,
      create: async (...call) => (await opened()).create(...call),
      status: async (...call) => (await opened()).status(...call),
      remove: async (...call) => (await opened()).remove(...call),
      receive: async (...call) => (await opened()).receive(...call),
    },
  }
}
