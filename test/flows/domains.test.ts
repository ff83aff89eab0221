import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Resend } from 'resend'
import { type DnsServer, startDnsServer } from './support/dns-server.ts'
import { type Server, startServer } from './support/server.ts'
import { type SmtpPeer, startSmtpPeer } from './support/smtp-peer.ts'
import { connectSender } from './support/smtp-sender.ts'
import { startWebhookReceiver, type WebhookReceiver } from './support/webhook-receiver.ts'

/** What the SDK answered, or the error it answered as an exception. */
async function ok<T>(call: Promise<{ data: T | null; error: unknown }>): Promise<T> {
  const { data, error } = await call
  assert.equal(error, null)
  return data as T
}

describe('domains through the unmodified SDK, the real server and a name server', () => {
  let dns: DnsServer
  let peer: SmtpPeer
  let receiver: WebhookReceiver
  let server: Server
  let resend: Resend
  before(async () => {
    ;[dns, peer, receiver] = await Promise.all([startDnsServer(), startSmtpPeer(), startWebhookReceiver()])
    server = await startServer({ env: { KABUTAR_DNS: dns.address, KABUTAR_RELAY: peer.url } })
    resend = new Resend(server.apiKey, { baseUrl: server.url })
  })
  after(async () => {
    await server?.close()
    for (const one of [dns, peer, receiver]) await one?.[Symbol.asyncDispose]()
  })
  const deliver = async (recipient: string) => {
    const sender = await connectSender(server.smtpPort ?? 0)
    try {
      return await sender.send(recipient, Buffer.from('Subject: hi\r\n\r\nhi\r\n'))
    } finally {
      sender.close()
    }
  }
  const mail = { from: 'Ada <ada@shop.test>', to: 'bob@dest.test', subject: 'From the shop', text: 'Hello.' }

  test('added, published, verified, used, restricted and removed', async () => {
    const hook = await ok(
      resend.webhooks.create({
        endpoint: receiver.url('/domains'),
        events: ['domain.created', 'domain.updated', 'domain.deleted'],
      }),
    )
    receiver.trust('/domains', hook.signing_secret)
    const made = await ok(
      resend.domains.create({ name: 'shop.test', capabilities: { sending: 'enabled', receiving: 'enabled' } }),
    )
    assert.equal(made.status, 'not_started')
    assert.deepEqual(
      made.records.map(({ record, type, name }) => [
        record,
        type,
        name.replace(/^kabutar-[0-9a-f]{8}\./, '<selector>.'),
      ]),
      [
        ['DKIM', 'TXT', '<selector>._domainkey.shop.test'],
        ['SPF', 'TXT', 'shop.test'],
        ['Receiving', 'MX', 'shop.test'],
      ],
    )
    assert.equal(made.records[2]?.value, 'kabutar.test')

    // Neither sends nor receives yet.
    assert.equal((await resend.emails.send(mail)).error?.statusCode, 403)
    await assert.rejects(deliver('ada@shop.test'), /^Error: 55\d/)

    await ok(resend.domains.verify(made.id))
    assert.equal((await ok(resend.domains.get(made.id))).status, 'pending')
    for (const { type, name, value, ...rest } of made.records) {
      if (type === 'MX') dns.mx.set(name, { exchange: value, priority: 'priority' in rest ? (rest.priority ?? 0) : 0 })
      else dns.txt.set(name, [...(dns.txt.get(name) ?? []), value])
    }
    await ok(resend.domains.verify(made.id))
    const verified = await ok(resend.domains.get(made.id))
    assert.equal(verified.status, 'verified')
    assert.ok(verified.records.every(({ status }) => status === 'verified'))
    assert.ok((await ok(resend.domains.list())).data.some(({ id, status }) => id === made.id && status === 'verified'))

    // Sends, signed with the key that is published, and receives.
    await ok(resend.emails.send(mail))
    const [taken] = await peer.waitFor((all) => all.some(({ raw }) => raw.includes('From the shop')))
    assert.match(taken?.raw.toString() ?? '', /^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed\/relaxed; d=shop\.test/)
    await deliver('ada@shop.test')

    await ok(resend.domains.update({ id: made.id, capabilities: { sending: 'disabled' } }))
    assert.equal((await resend.emails.send(mail)).error?.statusCode, 403)
    await ok(resend.domains.remove(made.id))
    assert.equal((await resend.domains.get(made.id)).error?.statusCode, 404)
    await assert.rejects(deliver('ada@shop.test'), /^Error: 55\d/)

    const told = await receiver.waitFor('/domains', (all) => all.length >= 5)
    const about = told.map(({ payload }) => {
      const { name, status } = payload.data as { name: string; status: string }
      return [payload.type, name, status].join(' ')
    })
    assert.deepEqual(about.sort(), [
      'domain.created shop.test not_started',
      'domain.deleted shop.test verified',
      'domain.updated shop.test pending',
      'domain.updated shop.test verified',
      'domain.updated shop.test verified',
    ])
    assert.deepEqual(receiver.refused(), [])
  })
})
