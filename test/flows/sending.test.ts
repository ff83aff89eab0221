import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { simpleParser } from 'mailparser'
import { Resend } from 'resend'
import { ok, until } from './support/ask.ts'
import { type Server, startServer } from './support/server.ts'
import { type SmtpPeer, startSmtpPeer } from './support/smtp-peer.ts'

const FROM = 'Ada Lovelace <ada@kabutar.test>'
/** Behind SES, SES gives up and reports a transient bounce. */
const GIVEN_UP = process.env.KABUTAR_FLOW === 'aws' ? 'bounced' : 'failed'
const PDF = Buffer.from('%PDF-1.4 \u0000\u0001\r\n.\r\nÿ', 'latin1')

type Recipients = { recipients: { address: string; last_event: string }[] }

describe('sending through the unmodified SDK, the real server and a real SMTP peer', () => {
  let peer: SmtpPeer
  let server: Server
  let resend: Resend
  before(async () => {
    peer = await startSmtpPeer()
    server = await startServer({
      env: { KABUTAR_RELAY: `smtp://127.0.0.1:${peer.port}`, KABUTAR_SEND_RETRIES: '300ms,300ms' },
    })
    resend = new Resend(server.apiKey, { baseUrl: server.url })
  })
  after(async () => {
    await server?.close()
    await peer?.[Symbol.asyncDispose]()
  })
  const last = (id: string, event: string) =>
    until(`${id} to be ${event}`, async () => {
      const email = await ok(resend.emails.get(id))
      return email.last_event === event && (email as typeof email & Recipients)
    })
  const received = (id: string) =>
    until(`${id} at the peer`, async () => peer.received().find(({ raw }) => raw.includes(`Message-ID: <${id}@`)))

  test('a message with every field arrives, and the API reads it back', async () => {
    const { id } = await ok(
      resend.emails.send({
        from: FROM,
        to: ['bob@dest.test', '"Doe, Cy" <cy@dest.test>'],
        cc: 'cc@dest.test',
        bcc: ['bcc@dest.test'],
        replyTo: 'reply@kabutar.test',
        subject: 'Grüße 🕊 from the pigeon',
        html: '<p>It <b>flies</b>.</p>',
        text: 'It flies.\n.\nFrom the start\n',
        headers: { 'X-Entity-Ref-ID': 'order-7', 'List-Unsubscribe': '<https://kabutar.test/u>' },
        tags: [{ name: 'category', value: 'welcome' }],
        attachments: [
          { filename: 'invoice é.pdf', content: PDF },
          { filename: 'logo.png', content: PDF.toString('base64'), contentType: 'image/png', contentId: 'logo' },
        ],
      }),
    )
    const { raw, envelope } = await received(id)
    assert.deepEqual(envelope.recipients, ['bob@dest.test', 'cy@dest.test', 'cc@dest.test', 'bcc@dest.test'])
    assert.equal(envelope.returnPath, `bounces+${id}@kabutar.test`)
    const mail = await simpleParser(Buffer.from(raw), { skipImageLinks: true })
    assert.equal(mail.subject, 'Grüße 🕊 from the pigeon')
    assert.deepEqual(mail.from?.value, [{ name: 'Ada Lovelace', address: 'ada@kabutar.test' }])
    assert.equal(mail.text?.trim(), 'It flies.\n.\nFrom the start')
    assert.equal(mail.html, '<p>It <b>flies</b>.</p>')
    assert.equal(mail.headers.get('x-entity-ref-id'), 'order-7')
    assert.ok(!Buffer.from(raw).includes('bcc@dest.test'))
    const files = mail.attachments.map(({ filename, contentType, cid, content }) => [
      filename,
      contentType,
      cid,
      content.equals(PDF),
    ])
    assert.deepEqual(files.sort(), [
      ['invoice é.pdf', 'application/pdf', undefined, true],
      ['logo.png', 'image/png', 'logo', true],
    ])

    const email = await last(id, 'sent')
    assert.equal(email.object, 'email')
    assert.deepEqual(email.to, ['bob@dest.test', '"Doe, Cy" <cy@dest.test>'])
    assert.deepEqual(
      [email.cc, email.bcc, email.reply_to],
      [['cc@dest.test'], ['bcc@dest.test'], ['reply@kabutar.test']],
    )
    assert.deepEqual([email.html, email.text?.slice(0, 9)], ['<p>It <b>flies</b>.</p>', 'It flies.'])
    assert.deepEqual(email.tags, [{ name: 'category', value: 'welcome' }])
  })

  test('a deferred recipient is tried again alone, a refused one bounces, and the others have it once', async () => {
    const { id } = await ok(
      resend.emails.send({
        from: FROM,
        to: ['fine@dest.test', 'once@dest.test', 'bounce@dest.test', 'defer@dest.test'],
        subject: 'four',
        text: 't',
      }),
    )
    const expected = ['fine sent', 'once sent', 'bounce bounced', `defer ${GIVEN_UP}`]
    await until(`${id} to be ${expected}`, async () => {
      const { recipients } = (await ok(resend.emails.get(id))) as unknown as Recipients
      const seen = recipients.map(({ address, last_event }) => `${address.split('@')[0]} ${last_event}`)
      return isDeepStrictEqual(seen, expected)
    })
    const deliveries = peer.received().filter(({ raw }) => raw.includes(`Message-ID: <${id}@`))
    assert.deepEqual(
      deliveries.map(({ envelope }) => envelope.recipients),
      [['fine@dest.test'], ['once@dest.test']],
    )
    assert.deepEqual(Buffer.from(deliveries[0]?.raw ?? ''), Buffer.from(deliveries[1]?.raw ?? 'x'), 'the same bytes')
  })

  test('test addresses have the outcome that they name', async () => {
    for (const event of ['delivered', 'bounced', 'complained', 'suppressed']) {
      const to = `${event}${event === 'suppressed' ? '' : '+label1'}@resend.dev`
      const { id } = await ok(resend.emails.send({ from: FROM, to, subject: event, html: '<p>h</p>' }))
      await last(id, event)
    }
  })

  test('an idempotency key makes one message of many requests, and refuses another body', async () => {
    const mail = { from: FROM, to: 'idem@dest.test', subject: 'once', text: 't' }
    const answers = await Promise.all(
      Array.from({ length: 32 }, () => ok(resend.emails.send(mail, { idempotencyKey: 'order/1' }))),
    )
    assert.equal(new Set(answers.map(({ id }) => id)).size, 1)
    const { error } = await resend.emails.send({ ...mail, text: 'other' }, { idempotencyKey: 'order/1' })
    assert.deepEqual([error?.statusCode, error?.name], [409, 'invalid_idempotent_request'])
    await received(answers[0]?.id ?? '')
    await sleep(200)
    assert.equal(peer.received().filter(({ envelope }) => envelope.recipients.includes('idem@dest.test')).length, 1)
  })

  test('lists page both ways', async () => {
    for (let n = 0; n < 5; n++)
      await ok(resend.emails.send({ from: FROM, to: 'l@dest.test', subject: `${n}`, text: 't' }))
    const all = (await ok(resend.emails.list({ limit: 100 }))).data.map(({ id }) => id)
    const first = await ok(resend.emails.list({ limit: 2 }))
    assert.deepEqual([first.data.map(({ id }) => id), first.has_more], [all.slice(0, 2), true])
    const next = await ok(resend.emails.list({ limit: 2, after: all[1] ?? '' }))
    assert.deepEqual(
      next.data.map(({ id }) => id),
      all.slice(2, 4),
    )
    const back = await ok(resend.emails.list({ limit: 2, before: all[4] ?? '' }))
    assert.deepEqual(
      back.data.map(({ id }) => id),
      all.slice(2, 4),
    )
  })

  test('keys are made, listed, renamed, restricted and removed', async () => {
    const domains = (await (
      await fetch(`${server.url}/domains`, { headers: { Authorization: `Bearer ${server.apiKey}` } })
    ).json()) as { data: { id: string }[] }
    const made = await ok(
      resend.apiKeys.create({ name: 'ci', permission: 'sending_access', domain_id: domains.data[0]?.id ?? '' }),
    )
    const limited = new Resend(made.token, { baseUrl: server.url })
    await ok(limited.emails.send({ from: FROM, to: 'k@dest.test', subject: 's', text: 't' }))
    assert.equal((await limited.emails.list()).error?.name, 'restricted_api_key')
    assert.ok((await ok(resend.apiKeys.list())).data.some(({ id, name }) => id === made.id && name === 'ci'))
    await ok(resend.apiKeys.remove(made.id))
    assert.equal(
      (await limited.emails.send({ from: FROM, to: 'k@dest.test', subject: 's', text: 't' })).error?.name,
      'invalid_api_key',
    )
  })

  test('deleting an email removes its content and keeps its status', async () => {
    const { id } = await ok(resend.emails.send({ from: FROM, to: 'd@dest.test', subject: 'secret', text: 'secret' }))
    await last(id, 'sent')
    const answer = await fetch(`${server.url}/emails/${id}`, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${server.apiKey}` },
    })
    assert.deepEqual(await answer.json(), { object: 'email', id, deleted: true })
    const email = await ok(resend.emails.get(id))
    assert.deepEqual([email.text, email.html, email.subject, email.last_event], [null, null, '', 'sent'])
  })

  test('errors have the form of the wire', async () => {
    const { error } = await resend.emails.send({ from: 'a@elsewhere.test', to: 'b@dest.test', subject: 's', text: 't' })
    assert.deepEqual([error?.statusCode, error?.name], [403, 'validation_error'])
    const wrong = new Resend('re_wrong', { baseUrl: server.url })
    assert.equal((await wrong.emails.list()).error?.name, 'invalid_api_key')
    assert.equal((await resend.contacts.list()).error?.name, 'not_found')
    assert.equal((await resend.emails.get('0199a0b0-0000-7000-8000-000000000001')).error?.statusCode, 404)
  })

  test('SIGTERM drains and exits 0; after a restart all messages and the key are there', async () => {
    const { id } = await ok(resend.emails.send({ from: FROM, to: 'r@dest.test', subject: 's', text: 't' }))
    assert.equal(await server.stop(), 0)
    await server.restart()
    await last(id, 'sent')
    assert.equal(peer.received().filter(({ raw }) => raw.includes(`Message-ID: <${id}@`)).length, 1)
  })
})
