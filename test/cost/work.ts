import { randomUUID } from 'node:crypto'
import { apiGatewayHandler, type HttpApiEvent } from '@kabutar/aws/lambda/api-gateway.ts'
import { feedbackFromSes, type SesFeedbackPorts } from '@kabutar/aws/ses/feedback.ts'
import { receiveFromSes } from '@kabutar/aws/ses/inbound.ts'
import { FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { createKey } from '@kabutar/core/accounts/keys.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { directCompute } from '@kabutar/core/ports/compute.ts'
import type { RelayOptions } from '@kabutar/core/ports/relay.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { sendBatch } from '@kabutar/core/sending/send.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import { dispatchBatch } from '@kabutar/core/webhooks/dispatch.ts'
import { dispatchState } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { createEndpoint, listEndpoints, updateEndpoint } from '@kabutar/core/webhooks/endpoints.ts'
import type { EventType } from '@kabutar/core/webhooks/event.ts'
import { createApp } from '@kabutar/http/app.ts'
import { localBlobs } from '@kabutar/local/files/blobs.ts'
import { localIdentities } from '@kabutar/local/identity/identities.ts'
import { defaultMemoryBytes } from '@kabutar/local/memory.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { notificationOf } from '../aws/ses-receipt.ts'
import { bytesOf, html, letter } from './mail.ts'
import { type Meter, type MeterOptions, meter, meteredBlobs, meteredLog, meteredQueue, meteredTable } from './meter.ts'
import { ACCESS_LOG_BYTES, LATENCY_MS, WEBHOOK_BYTES } from './prices.ts'
import { reconcileAll } from './reconcile.ts'
import { type Counts, entriesOf, GB, plus } from './tally.ts'

const never = new AbortController().signal

export type Rig = Awaited<ReturnType<typeof costRig>>
export type RigOptions = MeterOptions & {
  /** Time from one message to the next, in which caches expire. @default 0 */
  readonly betweenMs?: number
  /** Wraps the table. @default nothing */
  readonly watch?: (table: Table) => Table
}

/** Composes the functions as functions/ does, on metered ports in memory. */
export async function costRig({ betweenMs = 0, watch = (table) => table, ...options }: RigOptions = {}) {
  const metered = meter(options)
  const engine = memoryEngine()
  let aheadMs = 0
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
  const blobs = localBlobs(engine, temporaryFolder(), { clock, baseUrl: new URL('http://127.0.0.1:1') })
  const client = { timeoutMs: 15_000, ready: async () => {}, close() {}, request: () => answered(metered) }
  const table = watch(meteredTable(metered, sqliteTable(engine, clock)))
  const records = { txt: async () => [], mx: async () => [] }
  const relayIds = new Map<string, string>()
  const ports = {
    clock,
    compute: directCompute,
    memory: new Semaphore(defaultMemoryBytes(), clock),
    caches: newCaches(clock),
    ids: uuidIds(clock),
    log: meteredLog(metered),
    random: Math.random,
    table,
    blobs: meteredBlobs(metered, blobs),
    downloads: blobs,
    identities: localIdentities({ table, records, hostname: 'kabutar.test' }),
    sendQueue: meteredQueue(metered),
    webhookQueue: meteredQueue(metered),
    receiveQueue: meteredQueue(metered),
    feedbackQueue: meteredQueue(metered),
    webhookRetriesMs: [0, 5000],
    sendRetries: [60_000],
    queueAfterRows: true,
    allowPrivate: true,
    client,
    ...dispatchState(client, { clock, random: Math.random }),
    userAgent: 'Kabutar',
    worker: { id: 'worker', exclusive: false },
    region: 'us-east-1',
    relay: {
      limits: { maxRawBytes: 40_000_000, maxRecipients: 50 },
      async send(_envelope: unknown, _raw: Uint8Array, { tags }: RelayOptions) {
        await metered.call(LATENCY_MS.relay)
        // The ids are as long as those of SES.
        const relayId = `0100019a${String(relayIds.size).padStart(8, '0')}-${randomUUID()}-000000`
        relayIds.set(tags?.kabutar_id ?? '', relayId)
        return { relayId, messageId: `<${relayId}@email.amazonses.com>`, outcome: 'sent' as const, rejected: [] }
      },
    },
  } satisfies SesFeedbackPorts & Record<string, unknown>
  await claimDomain(ports, FIRST_ACCOUNT, 'kabutar.test')
  const { token } = await createKey(ports, FIRST_ACCOUNT, { name: 'k', permission: 'full_access' })
  const api = apiGatewayHandler(createApp(ports))
  const later = () => {
    aheadMs += betweenMs
  }
  let messages = 0
  const serial = () => messages++
  return { meter: metered, ports, relayIds, inner: blobs, api, token, later, serial }
}

async function answered(metered: Meter) {
  await metered.call(LATENCY_MS.endpoint)
  return { status: 200, headers: {}, body: Buffer.from('ok'), truncated: false }
}

/**
 * Sends `count` messages of 20 KB to one recipient each, up to the Delivery event, with `batch` entries an invocation. With a
 * batch of one, each message is done before the next one comes.
 */
export async function sendAll(rig: Rig, count: number, batch: number): Promise<void> {
  const together = batch === 1 ? 1 : count
  for (let sent = 0; sent < count; sent += together) await sendSome(rig, together, batch)
}

/** Sends as `sendAll` does, each message with an Idempotency-Key, and tells one endpoint that it was sent and delivered. */
export async function sendAndTellAll(rig: Rig, count: number, batch: number): Promise<void> {
  await endpointOf(rig, ['email.sent', 'email.delivered'])
  const together = batch === 1 ? 1 : count
  for (let sent = 0; sent < count; sent += together) {
    await sendSome(rig, together, batch, (n) => ({ 'idempotency-key': `order/${n}` }))
    await dispatchAll(rig, batch)
  }
  rig.meter.add('egressGb', (2 * count * WEBHOOK_BYTES) / GB)
}

type HeadersOf = (n: number) => Readonly<Record<string, string>>

async function sendSome(rig: Rig, count: number, batch: number, headersOf: HeadersOf = () => ({})): Promise<void> {
  const { ports } = rig
  const ids = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const n = rig.serial()
    ids.set(await post(rig, { ...addressed(n), subject: `Your order ${n}`, html: html(n) }, headersOf(n)), n)
  }
  await relayAll(rig, batch)
  for (const [id, n] of ids) await publish(rig, deliveryEvent(id, rig.relayIds.get(id), n))
  for (const entries of ports.feedbackQueue.batches(batch === 1 ? 1 : 50)) {
    await rig.meter.invocation(256, () => feedbackFromSes(ports, entries, never))
  }
}

async function relayAll({ meter: metered, ports }: Rig, batch: number): Promise<void> {
  for (const entries of ports.sendQueue.batches(batch)) {
    await metered.invocation(512, () => sendBatch(ports, entries, never))
  }
}

const addressed = (n: number) => ({ from: 'Ada <ada@kabutar.test>', to: `bob${n}@dest.test` })

async function post({ meter: metered, api, token, later }: Rig, mail: object, headers = {}): Promise<string> {
  metered.add('httpApi', 1)
  metered.add('logGb', ACCESS_LOG_BYTES / GB)
  const answer = await metered.invocation(512, () =>
    api({
      version: '2.0',
      routeKey: '$default',
      rawPath: '/emails',
      rawQueryString: '',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      requestContext: { domainName: 'api.test', http: { method: 'POST' } } as HttpApiEvent['requestContext'],
      body: JSON.stringify(mail),
      isBase64Encoded: false,
    }),
  )
  if (answer.statusCode !== 200) throw new Error(answer.body)
  later()
  return (JSON.parse(answer.body) as { id: string }).id
}

function deliveryEvent(id: string, messageId: string | undefined, n: number): object {
  const tags = { kabutar_account: [FIRST_ACCOUNT], kabutar_id: [id] }
  const recipients = [`bob${n}@dest.test`]
  return { eventType: 'Delivery', mail: { messageId, destination: recipients, tags }, delivery: { recipients } }
}

/** Sends an event through SNS into the feedback queue, which costs a publish and a request. */
async function publish({ meter: metered, ports }: Rig, event: object): Promise<void> {
  metered.add('snsPublishes', 1)
  await ports.feedbackQueue.send([{ body: JSON.stringify(event) }])
}

/** Messages so far; each is new, because a repeated one would cost less. */
let came = 0

/**
 * Receives `count` messages of 60 KB, from SES's PUT into the bucket to the stored row. With a batch of one, each message is
 * stored before the next one comes.
 */
export async function receiveAll(rig: Rig, count: number, batch: number): Promise<void> {
  const from = came
  const together = batch === 1 ? 1 : count
  for (let received = 0; received < count; received += together) await receiveSome(rig, together, batch)
  // S3's own events come 15 minutes later; at 0.4 a second there are 24 in a minute.
  const keys = Array.from({ length: count }, (_, n) => `inbound/in-${from + n}`)
  await reconcileAll(rig, keys, batch === 1 ? 24 : count)
}

async function receiveSome(rig: Rig, count: number, batch: number): Promise<void> {
  const { meter: metered, ports, inner } = rig
  for (const end = came + count; came < end; came++) {
    const n = came
    const [sesId, key] = [`in-${n}`, `inbound/in-${n}`]
    await inner.put(key, bytesOf(letter(n)), { maxBytes: 1e7 })
    metered.add('s3Writes', 1)
    metered.add('s3GbMonth', letter(n).length / GB)
    metered.add('snsPublishes', 1)
    const receivedAt = new Date(ports.clock.now())
    const told = notificationOf({ sesId, key, recipients: [`box${n % 5}@kabutar.test`], receivedAt })
    await ports.receiveQueue.send([{ body: JSON.stringify(told) }])
  }
  for (const entries of ports.receiveQueue.batches(batch)) {
    const failures = await metered.invocation(512, () => receiveFromSes(ports, entries, never))
    if (failures.length > 0) throw new Error('a message was not received')
    rig.later()
  }
}

/**
 * Delivers one event of each of `count` messages to an endpoint that answers 200. Counts `notify`, and by how much sending costs
 * more with an endpoint than without.
 */
export async function deliverAll(rig: Rig, count: number, batch: number): Promise<void> {
  const { meter: metered } = rig
  const id = await endpointOf(rig, ['email.sent'])
  const without = await sendPlain(rig, { count, batch, endpoint: id, enabled: false })
  const more = plus(await sendPlain(rig, { count, batch, endpoint: id, enabled: true }), without, -1)
  for (const [name, amount] of entriesOf(more)) metered.add(name, amount)
  await dispatchAll(rig, batch)
  metered.add('egressGb', (count * WEBHOOK_BYTES) / GB)
}

async function endpointOf({ ports }: Rig, events: readonly EventType[]): Promise<string> {
  const [known] = await listEndpoints(ports, FIRST_ACCOUNT)
  return (known ?? (await createEndpoint(ports, FIRST_ACCOUNT, { url: 'http://127.0.0.1:1/', events }))).id
}

/** A new endpoint does not get ten requests at once: the others come back. */
async function dispatchAll({ meter: metered, ports, later }: Rig, batch: number): Promise<void> {
  while ((await ports.webhookQueue.depth()).ready > 0) {
    for (const entries of ports.webhookQueue.batches(batch)) {
      await metered.invocation(256, () => dispatchBatch(ports, entries, never))
      later()
    }
  }
}

type Plain = { readonly count: number; readonly batch: number; readonly endpoint: string; readonly enabled: boolean }

/** Sends small equal mails, so that the endpoint is the only difference. Time is left out, because its noise is larger. */
async function sendPlain(rig: Rig, { count, batch, endpoint, enabled }: Plain): Promise<Counts> {
  await updateEndpoint(rig.ports, FIRST_ACCOUNT, endpoint, { enabled })
  rig.meter.take()
  const together = batch === 1 ? 1 : count
  for (let sent = 0; sent < count; sent += together) {
    for (let n = 0; n < together; n++) await post(rig, { ...addressed(n), subject: 's', text: 't' })
    await relayAll(rig, batch)
  }
  const { lambdaGbSeconds: _, ...counts } = rig.meter.take()
  return counts
}
