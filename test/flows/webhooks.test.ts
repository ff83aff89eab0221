import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { STALE_MS } from '@kabutar/core/store/cache.ts'
import { Resend, type WebhookEvent } from 'resend'
import { ok } from './support/ask.ts'
import { OUTCOMES } from './support/outcomes.ts'
import { type Server, startServer } from './support/server.ts'
import { type SmtpPeer, startSmtpPeer } from './support/smtp-peer.ts'
import { startWebhookReceiver, type WebhookDelivery, type WebhookReceiver } from './support/webhook-receiver.ts'

const FROM = 'Ada Lovelace <ada@kabutar.test>'
const EVENTS: WebhookEvent[] = [
  'email.sent',
  'email.delivered',
  'email.delivery_delayed',
  'email.bounced',
  'email.complained',
  'email.failed',
  'email.suppressed',
]

type EventData = {
  readonly created_at: string
  readonly message_id?: string
  /** When a deferred message goes again is not foretold. */
  readonly delivery_delayed?: { readonly reason: string; readonly next_attempt_at?: string }
}

const about = (emailId: string) => (delivery: WebhookDelivery) =>
  'email_id' in delivery.payload.data && delivery.payload.data.email_id === emailId

describe('webhooks through the unmodified SDK, the real server and a real receiver', () => {
  let peer: SmtpPeer
  let server: Server
  let receiver: WebhookReceiver
  let resend: Resend
  before(async () => {
    peer = await startSmtpPeer({ behaviours: { slow: { at: 'delay', ms: 2000, times: 1 } } })
    receiver = await startWebhookReceiver()
    server = await startServer({
      env: {
        KABUTAR_RELAY: peer.url,
        KABUTAR_SEND_RETRIES: '200ms',
        KABUTAR_WEBHOOK_RETRIES: '0s,200ms,200ms',
      },
    })
    resend = new Resend(server.apiKey, { baseUrl: server.url })
  })
  after(async () => {
    await server?.close()
    await receiver?.[Symbol.asyncDispose]()
    await peer?.[Symbol.asyncDispose]()
  })

  const hook = async (path: string, events: WebhookEvent[] = EVENTS) => {
    const made = await ok(resend.webhooks.create({ endpoint: receiver.url(path), events }))
    receiver.trust(path, made.signing_secret)
    return made
  }
  const send = async (to: string | string[], more: { tags?: { name: string; value: string }[] } = {}) =>
    (await ok(resend.emails.send({ from: FROM, to, subject: 'Grüße', text: 't', ...more }))).id
  const deliveries = (path: string, emailId: string, count: number) =>
    receiver
      .waitFor(path, (all) => all.filter(about(emailId)).length >= count)
      .then((all) => all.filter(about(emailId)))

  test('each outcome arrives in the wire format, once, with its own id', async () => {
    const { id: webhookId } = await hook('/outcomes')
    // SES replaces the Message-ID with one that the test cannot know.
    const messageId = (emailId: string, { message_id }: { message_id?: string }) =>
      message_id?.endsWith('@email.amazonses.com>') ? message_id : `<${emailId}@kabutar.test>`
    const common = (emailId: string, to: string) => ({
      email_id: emailId,
      from: FROM,
      to: [to],
      subject: 'Grüße',
    })
    let told = 0
    for (const { to, events: embedded, behindSes = embedded } of OUTCOMES) {
      const events = server.platform === 'aws' ? behindSes : embedded
      told += Object.keys(events).length
      const emailId = await send(to, { tags: [{ name: 'category', value: 'welcome' }] })
      const came = await deliveries('/outcomes', emailId, Object.keys(events).length)
      assert.deepEqual(came.map(({ payload }) => payload.type).sort(), Object.keys(events).sort(), to)
      for (const { payload, headers } of came) {
        const { created_at, ...data } = payload.data as unknown as EventData
        const { next_attempt_at = created_at, ...delayed } = data.delivery_delayed ?? {}
        assert.deepEqual(data.delivery_delayed ? { ...data, delivery_delayed: delayed } : data, {
          ...common(emailId, to),
          message_id: messageId(emailId, data),
          tags: { category: 'welcome' },
          ...events[payload.type],
        })
        for (const time of [created_at, payload.created_at, next_attempt_at])
          assert.equal(new Date(time).toISOString(), time)
        assert.equal(headers['content-type'], 'application/json')
        assert.match(String(headers['svix-id']), /^msg_[0-9a-f]{32}$/)
      }
    }
    await sleep(300)
    const all = receiver.received('/outcomes')
    assert.equal(all.length, told)
    assert.equal(new Set(all.map(({ id }) => id)).size, told)
    assert.deepEqual(receiver.refused(), [])

    const listed = await ok(resend.webhooks.events.list({ webhookId, limit: 100 }))
    assert.deepEqual(listed.data.map(({ id }) => id).sort(), all.map(({ id }) => id).sort())
    assert.ok(listed.data.every(({ status }) => status === 'success'))
    const first = await ok(resend.webhooks.events.list({ webhookId, limit: 4 }))
    assert.deepEqual([first.data.length, first.has_more], [4, true])
    const rest = await ok(resend.webhooks.events.list({ webhookId, limit: 100, after: first.data[3]?.id ?? '' }))
    assert.deepEqual([...first.data, ...rest.data], listed.data)
    for (const { id, payload } of all) {
      const event = await ok(resend.webhooks.events.get({ webhookId, eventId: id }))
      assert.deepEqual([event.object, event.payload, event.next_attempt_at], ['webhook_event', payload, null])
    }
    await ok(resend.webhooks.remove(webhookId))
  })

  /** Waits for a change of an endpoint: the function that delivers may know the old address and secret for seconds. */
  const known = () => sleep(server.platform === 'aws' ? STALE_MS.endpoints : 0)

  test('endpoints are made, read, changed, rotated and removed', async () => {
    const made = await hook('/crud', ['email.sent'])
    const listed = (await ok(resend.webhooks.list())).data.find(({ id }) => id === made.id)
    assert.ok(listed)
    assert.deepEqual(await ok(resend.webhooks.get(made.id)), {
      object: 'webhook',
      ...listed,
      signing_secret: made.signing_secret,
      failing_since: null,
      paused_until: null,
      previous_secret_until: null,
    })
    assert.deepEqual(
      [listed.endpoint, listed.status, listed.events],
      [receiver.url('/crud'), 'enabled', ['email.sent']],
    )
    const before = await send('fine@dest.test')
    await deliveries('/crud', before, 1)

    await ok(resend.webhooks.update(made.id, { status: 'disabled' }))
    const other = await send('fine@dest.test')
    await ok(
      resend.webhooks.update(made.id, {
        status: 'enabled',
        endpoint: receiver.url('/moved'),
        events: ['email.bounced'],
      }),
    )
    receiver.trust('/moved', made.signing_secret)
    await known()
    const bounced = await send('bounced@resend.dev')
    await deliveries('/moved', bounced, 1)

    const rotated = await ok(resend.webhooks.rotateSigningSecret(made.id))
    await known()
    assert.notEqual(rotated.signing_secret, made.signing_secret)
    assert.equal((await ok(resend.webhooks.get(made.id))).signing_secret, rotated.signing_secret)
    // The old secret still verifies, so that a receiver can change over later; then the new one does.
    const [old] = await deliveries('/moved', await send('bounced@resend.dev'), 1)
    assert.equal(String(old?.headers['svix-signature']).split(' ').length, 2)
    receiver.trust('/moved', rotated.signing_secret)
    await deliveries('/moved', await send('bounced@resend.dev'), 1)

    assert.deepEqual(await ok(resend.webhooks.remove(made.id)), { object: 'webhook', id: made.id, deleted: true })
    assert.equal((await resend.webhooks.get(made.id)).error?.name, 'not_found')
    assert.equal(receiver.received('/crud').filter(about(other)).length, 0)
    assert.deepEqual(receiver.refused(), [])
  })

  test('a failed delivery is tried again under the same id, lists its attempts, and can be replayed', async () => {
    const { id: webhookId } = await hook('/retries', ['email.sent'])
    receiver.script('/retries', [500, 302, 200, 500, 500, 503])
    const attemptsOf = async (eventId: string) =>
      (await ok(resend.webhooks.events.attempts.list({ webhookId, eventId }))).data
    const settled = async (eventId: string, wanted: string) => {
      for (let tries = 0; tries < 100; tries++, await sleep(50)) {
        const { status } = await ok(resend.webhooks.events.get({ webhookId, eventId }))
        if (status === wanted) return
      }
      assert.fail(`${eventId} is not ${wanted}`)
    }

    const late = await deliveries('/retries', await send('fine@dest.test'), 3)
    assert.deepEqual(
      late.map(({ code }) => code),
      [500, 302, 200],
    )
    assert.equal(new Set(late.map(({ id, body }) => id + body)).size, 1)
    const lateId = late[0]?.id ?? ''
    await settled(lateId, 'success')
    assert.deepEqual(
      (await attemptsOf(lateId)).map(({ http_status_code, response }) => [http_status_code, response]),
      [
        [200, 'ok'],
        [302, 'not now'],
        [500, 'not now'],
      ],
    )

    const lost = await deliveries('/retries', await send('fine@dest.test'), 3)
    const lostId = lost[0]?.id ?? ''
    await settled(lostId, 'failed')
    assert.equal((await ok(resend.webhooks.events.replay({ webhookId, eventId: lostId }))).id, lostId)
    await settled(lostId, 'success')
    const again = receiver.received('/retries').filter(({ id }) => id === lostId)
    assert.deepEqual(
      again.map(({ code, body }) => [code, body === lost[0]?.body]),
      [
        [500, true],
        [500, true],
        [503, true],
        [200, true],
      ],
    )
    assert.equal((await attemptsOf(lostId)).length, 4)
    await ok(resend.webhooks.remove(webhookId))
  })

  test('a kill while the next hop takes the message leads to one event after the restart', async () => {
    const { id: webhookId } = await hook('/killed-sending', ['email.sent'])
    const emailId = await send('slow@dest.test')
    await peer.waitFor((all) => all.some(({ raw }) => raw.includes(emailId)))
    assert.deepEqual(receiver.received('/killed-sending'), [])
    await server.kill()
    await server.restart()
    await deliveries('/killed-sending', emailId, 1)
    await sleep(500)
    assert.equal(new Set(receiver.received('/killed-sending').map(({ id }) => id)).size, 1)
    await ok(resend.webhooks.remove(webhookId))
  })

  test('a kill before the receiver has answered leads to the same event again after the restart', async () => {
    const { id: webhookId } = await hook('/killed-telling', ['email.sent'])
    receiver.script('/killed-telling', [0])
    const emailId = await send('fine@dest.test')
    await deliveries('/killed-telling', emailId, 1)
    await server.kill()
    await server.restart()
    await deliveries('/killed-telling', emailId, 2)
    await sleep(300)
    const all = receiver.received('/killed-telling').filter(about(emailId))
    assert.equal(new Set(all.map(({ id, body }) => id + body)).size, 1)
    // SQS may give one attempt to two functions at once; receivers drop repetitions by the id.
    if (server.platform === 'embedded') assert.equal(all.length, 2)
    await ok(resend.webhooks.remove(webhookId))
  })

  test('after a kill with many messages under way each has its event id and none is missing', async () => {
    const { id: webhookId } = await hook('/killed-many', ['email.sent'])
    const ids = await Promise.all(Array.from({ length: 60 }, (_, n) => send(`many-${n}@dest.test`)))
    await server.kill()
    // Events of earlier tests may come here too.
    const toldOf = (all: readonly WebhookDelivery[]) => ids.filter((id) => all.some(about(id))).length
    const before = toldOf(receiver.received('/killed-many'))
    await server.restart()
    const complete = (all: readonly WebhookDelivery[]) => toldOf(all) === ids.length
    // The sweep queues what was accepted and not queued, 2 minutes after its acceptance.
    const all = await receiver.waitFor('/killed-many', complete, 150_000)
    assert.ok(before < ids.length, 'everything was told before the kill: nothing is shown')
    for (const emailId of ids) assert.equal(new Set(all.filter(about(emailId)).map(({ id }) => id)).size, 1, emailId)
    await ok(resend.webhooks.remove(webhookId))
    assert.deepEqual(receiver.refused(), [])
  })
})
