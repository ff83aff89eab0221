import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Resend } from 'resend'
import { ok, until } from './support/ask.ts'
import { type DnsServer, startDnsServer } from './support/dns-server.ts'
import { type Server, startServer } from './support/server.ts'
import { type SmtpPeer, startSmtpPeer } from './support/smtp-peer.ts'
import { startWebhookReceiver, type WebhookReceiver } from './support/webhook-receiver.ts'

/** SES uses its own keys and asks for a return path; an embedded server shows its key and its host. */
const RECORDS = {
  embedded: [
    ['DKIM', 'TXT', '<selector>._domainkey.shop.test'],
    ['SPF', 'TXT', 'shop.test'],
    ['Receiving', 'MX', 'shop.test'],
  ],
  aws: [
    ['DKIM', 'CNAME', '<selector>._domainkey.shop.test'],
    ['DKIM', 'CNAME', '<selector>._domainkey.shop.test'],
    ['DKIM', 'CNAME', '<selector>._domainkey.shop.test'],
    ['SPF', 'MX', 'send.shop.test'],
    ['SPF', 'TXT', 'send.shop.test'],
    ['Receiving', 'MX', 'shop.test'],
  ],
}
const shapeOf = ({ record, type, name }: { record: string; type: string; name: string }) => [
  record,
  type,
  name.replace(/^(kabutar-[0-9a-f]{8}|[0-9a-f]{32})\./, '<selector>.'),
]

describe('domains through the unmodified SDK, the real server and a name server', () => {
  let dns: DnsServer
  let peer: SmtpPeer
  let receiver: WebhookReceiver
  let server: Server
  let resend: Resend
  before(async () => {
    ;[dns, peer, receiver] = await Promise.all([startDnsServer(), startSmtpPeer(), startWebhookReceiver()])
    server = await startServer({ dns, env: { KABUTAR_RELAY: peer.url } })
    resend = new Resend(server.apiKey, { baseUrl: server.url })
  })
  after(async () => {
    await server?.close()
    for (const one of [dns, peer, receiver]) await one?.[Symbol.asyncDispose]()
  })
  const deliver = (recipient: string) => server.receive('Subject: hi\r\n\r\nhi\r\n', [recipient])
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
    assert.deepEqual(made.records.map(shapeOf), RECORDS[server.platform])
    const exchange = { embedded: 'kabutar.test', aws: 'inbound-smtp.us-east-1.amazonaws.com' }[server.platform]
    assert.equal(made.records.at(-1)?.value, exchange)

    // The domain neither sends nor receives yet.
    assert.equal((await resend.emails.send(mail)).error?.statusCode, 403)
    await assert.rejects(deliver('ada@shop.test'), /\b55\d /)

    await ok(resend.domains.verify(made.id))
    assert.equal((await ok(resend.domains.get(made.id))).status, 'pending')
    await server.publish(made.records)
    await ok(resend.domains.verify(made.id))
    const verified = await ok(resend.domains.get(made.id))
    assert.equal(verified.status, 'verified')
    // The function asks its network's name servers for the MX record, so the test cannot answer.
    const looked = verified.records.filter(({ record }) => server.platform === 'embedded' || record !== 'Receiving')
    assert.deepEqual([...new Set(looked.map(({ status }) => status))], ['verified'])
    assert.ok((await ok(resend.domains.list())).data.some(({ id, status }) => id === made.id && status === 'verified'))

    // The domain sends, signed with the published key, and receives.
    await ok(resend.emails.send(mail))
    const [taken] = await peer.waitFor((all) => all.some(({ raw }) => raw.includes('From the shop')))
    // SES signs after it has accepted.
    if (server.platform === 'embedded')
      assert.match(taken?.raw.toString() ?? '', /^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed\/relaxed; d=shop\.test/)
    await deliver('ada@shop.test')

    await ok(resend.domains.update({ id: made.id, capabilities: { sending: 'disabled' } }))
    // Another process or function may still have the domain in its cache for some seconds.
    await until('a refusal', async () => (await resend.emails.send(mail)).error?.statusCode === 403)
    await ok(resend.domains.remove(made.id))
    assert.equal((await resend.domains.get(made.id)).error?.statusCode, 404)
    await assert.rejects(deliver('ada@shop.test'), /\b55\d /)

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
