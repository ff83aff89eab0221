import { randomUUID } from 'node:crypto'
import { toHttp } from '@kabutar/aws/http.ts'
import { createKey } from '@kabutar/core/accounts/keys.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import { feedbackBatch } from '@kabutar/core/feedback/feedback.ts'
import type { FeedbackPorts } from '@kabutar/core/feedback/record.ts'
import { systemClock } from '@kabutar/core/ports/clock.ts'
import { uuidIds } from '@kabutar/core/ports/ids.ts'
import type { RelayOptions } from '@kabutar/core/ports/relay.ts'
import { receiveFromSes } from '@kabutar/core/receiving/from-ses.ts'
import { sendBatch } from '@kabutar/core/sending/send.ts'
import { dispatchBatch } from '@kabutar/core/webhooks/dispatch.ts'
import { dispatchMemory } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { createEndpoint, listEndpoints } from '@kabutar/core/webhooks/endpoints.ts'
import { createApp } from '@kabutar/http/app.ts'
import { localBlobs } from '@kabutar/local/blobs.ts'
import { memoryEngine } from '@kabutar/local/engine.ts'
import { localIdentities } from '@kabutar/local/identities.ts'
import { sqliteTable } from '@kabutar/local/table.ts'
import { temporaryFolder } from '@kabutar/local/testing/temporary-folder.ts'
import { notificationOf } from '../aws/ses-receipt.ts'
import { askForLost } from './lost.ts'
import { bytesOf, html, letter } from './mail.ts'
import { type Meter, meter, meteredBlobs, meteredLog, meteredQueue, meteredTable } from './meter.ts'
import { ACCESS_LOG_BYTES, LATENCY_MS } from './prices.ts'
import { GB } from './tally.ts'

const never = new AbortController().signal

export type Rig = Awaited<ReturnType<typeof costRig>>

/** The functions of AWS as they are composed in functions/, on metered ports in memory. */
export async function costRig() {
  const metered = meter()
  const engine = memoryEngine()
  const blobs = localBlobs(engine, temporaryFolder(), { clock: systemClock, baseUrl: new URL('http://127.0.0.1:1') })
  const client = { timeoutMs: 15_000, ready: async () => {}, close() {}, request: () => answered(metered) }
  const table = meteredTable(metered, sqliteTable(engine, systemClock))
  const records = { txt: async () => [], mx: async () => [] }
  const relayIds = new Map<string, string>()
  const ports = {
    clock: systemClock,
    ids: uuidIds(systemClock),
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
    packAbove: 0,
    dictionaries: true,
    queueAfterRows: true,
    allowPrivate: true,
    client,
    memory: dispatchMemory(client),
    userAgent: 'Kabutar',
    worker: { id: 'worker', exclusive: false },
    messageIdOf: (id: string) => `<${id}@email.amazonses.com>`,
    relay: {
      limits: { maxRawBytes: 40_000_000, maxRecipients: 50 },
      async send(_envelope: unknown, _raw: Uint8Array, { tags }: RelayOptions) {
        await metered.call(LATENCY_MS.relay)
        // As long as those of SES.
        const relayId = `0100019a${String(relayIds.size).padStart(8, '0')}-${randomUUID()}-000000`
        relayIds.set(tags?.kabutar_id ?? '', relayId)
        return { relayId, messageId: `<${relayId}@email.amazonses.com>`, outcome: 'sent' as const, rejected: [] }
      },
    },
  } satisfies FeedbackPorts & Record<string, unknown>
  await claimDomain(ports, 'a', 'kabutar.test')
  const { token } = await createKey(ports, 'a', { name: 'k', permission: 'full_access' })
  const api = toHttp(createApp(ports), ports.log)
  return { meter: metered, ports, relayIds, inner: blobs, api, token }
}

async function answered(metered: Meter) {
  await metered.call(LATENCY_MS.endpoint)
  return { status: 200, headers: {}, body: Buffer.from('ok'), truncated: false }
}

/** Sends `count` messages of 20 KB to one recipient each, up to the Delivery event; `batch` entries an invocation. */
export async function sendAll(rig: Rig, count: number, batch: number): Promise<void> {
  const { ports } = rig
  const ids: string[] = []
  for (let n = 0; n < count; n++) ids.push(await post(rig, n))
  for (const entries of ports.sendQueue.batches(batch)) {
    await rig.meter.invocation(512, () => sendBatch(ports, entries, never))
  }
  for (const [n, id] of ids.entries()) await publish(rig, deliveryEvent(id, rig.relayIds.get(id), n))
  for (const entries of ports.feedbackQueue.batches(batch === 1 ? 1 : 50)) {
    await rig.meter.invocation(256, () => feedbackBatch(ports, entries, never))
  }
}

async function post({ meter: metered, api, token }: Rig, n: number): Promise<string> {
  const mail = { from: 'Ada <ada@kabutar.test>', to: `bob${n}@dest.test`, subject: `Your order ${n}`, html: html(n) }
  metered.add('httpApi', 1)
  metered.add('logGb', ACCESS_LOG_BYTES / GB)
  const answer = await metered.invocation(512, () =>
    api({
      rawPath: '/emails',
      rawQueryString: '',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      requestContext: { domainName: 'api.test', http: { method: 'POST' } },
      body: JSON.stringify(mail),
      isBase64Encoded: false,
    }),
  )
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return (JSON.parse(answer.body) as { id: string }).id
}

function deliveryEvent(id: string, messageId: string | undefined, n: number): object {
  const tags = { kabutar_account: ['a'], kabutar_id: [id] }
  const recipients = [`bob${n}@dest.test`]
  return { eventType: 'Delivery', mail: { messageId, destination: recipients, tags }, delivery: { recipients } }
}

/** SNS puts it into the queue of feedback, which costs a publish and a request. */
async function publish({ meter: metered, ports }: Rig, event: object): Promise<void> {
  metered.add('snsPublishes', 1)
  await ports.feedbackQueue.send([{ body: JSON.stringify(event) }])
}

/** Messages that came so far: one that comes again would cost less. */
let came = 0

/** Receives `count` messages of 60 KB, from SES's PUT into the bucket to the mailbox. */
export async function receiveAll(rig: Rig, count: number, batch: number): Promise<void> {
  const { meter: metered, ports, inner } = rig
  const from = came
  for (; came < from + count; came++) {
    const n = came
    const [sesId, key] = [`in-${n}`, `inbound/in-${n}`]
    await inner.put(key, bytesOf(letter(n)), { maxBytes: 1e7 })
    metered.add('s3Writes', 1)
    metered.add('s3GbMonth', letter(n).length / GB)
    metered.add('snsPublishes', 1)
    const told = notificationOf({ sesId, key, recipients: [`box${n % 5}@kabutar.test`], receivedAt: new Date() })
    await ports.receiveQueue.send([{ body: JSON.stringify(told) }])
  }
  for (const entries of ports.receiveQueue.batches(batch)) {
    const failures = await metered.invocation(512, () => receiveFromSes(ports, entries, never))
    if (failures.length > 0) throw new Error('a message was not received')
  }
  // S3's own events, 15 minutes later; at 0.4 a second there are 24 in a minute.
  const keys = Array.from({ length: count }, (_, n) => `inbound/in-${from + n}`)
  await askForLost(rig, keys, batch === 1 ? 24 : count)
}

/** Delivers one event of each of `count` messages to an endpoint that answers 200. */
export async function deliverAll(rig: Rig, count: number, batch: number): Promise<void> {
  const { meter: metered, ports } = rig
  // One endpoint, or each event would be two deliveries the second time.
  if ((await listEndpoints(ports.table, 'a')).length === 0)
    await createEndpoint(ports, 'a', { url: 'http://127.0.0.1:1/', events: ['email.sent'] })
  for (let n = 0; n < count; n++) await post(rig, n)
  for (const entries of ports.sendQueue.batches(batch)) await sendBatch(ports, entries, never)
  metered.take()
  // What `notify` paid to queue them: in tens, if ten events came at once.
  metered.add('sqsRequests', count)
  for (const entries of ports.webhookQueue.batches(batch)) {
    await metered.invocation(256, () => dispatchBatch(ports, entries, never))
  }
  metered.add('egressGb', (count * 3 * 1024) / GB)
}
