import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EmailReceivedEvent, Resend } from 'resend'
import { ok } from './support/ask.ts'
import { type Server, startServer } from './support/server.ts'
import { startWebhookReceiver, type WebhookReceiver } from './support/webhook-receiver.ts'

const LETTER = [
  'From: Eve <eve@far.test>',
  'To: Ada <Ada@kabutar.test>, team@elsewhere.test',
  'Cc: =?utf-8?Q?Zo=C3=AB?= <zoe@kabutar.test>',
  'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= back',
  'Message-ID: <letter@far.test>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="=b"',
  '',
  '--=b',
  'Content-Type: text/plain',
  '',
  'the secret text',
  '--=b',
  'Content-Type: text/csv; name=list.csv',
  'Content-Disposition: attachment; filename=list.csv',
  '',
  'a,b',
  '--=b--',
  '',
].join('\r\n')
const RECIPIENTS = ['Ada@kabutar.test', 'hidden@kabutar.test']

describe('a webhook reports received mail, from the real server to the unmodified SDK', () => {
  let server: Server
  let receiver: WebhookReceiver
  let resend: Resend
  before(async () => {
    receiver = await startWebhookReceiver()
    server = await startServer()
    resend = new Resend(server.apiKey, { baseUrl: server.url })
  })
  after(async () => {
    await server?.close()
    await receiver?.[Symbol.asyncDispose]()
  })

  test('once, signed, with sender, subject and id, and without the content', async () => {
    const made = await ok(
      resend.webhooks.create({ endpoint: receiver.url('/incoming'), events: ['email.received', 'email.sent'] }),
    )
    // From here on svix, standardwebhooks and the SDK must all accept each delivery.
    receiver.trust('/incoming', made.signing_secret)
    await server.receive(LETTER, RECIPIENTS)
    const [came] = await receiver.waitFor('/incoming', (all) => all.length >= 1)
    assert.ok(came)
    const payload = came.payload as EmailReceivedEvent
    const { created_at, email_id, attachments, ...data } = payload.data
    assert.deepEqual(payload, { type: 'email.received', created_at, data: payload.data })
    assert.equal(new Date(created_at).toISOString(), created_at)
    assert.deepEqual(data, {
      from: 'Eve <eve@far.test>',
      to: ['Ada <Ada@kabutar.test>', 'team@elsewhere.test'],
      cc: ['Zoë <zoe@kabutar.test>'],
      bcc: [],
      received_for: RECIPIENTS,
      message_id: '<letter@far.test>',
      subject: 'Grüße back',
    })
    const [file] = attachments
    assert.deepEqual(attachments, [
      {
        id: file?.id,
        filename: 'list.csv',
        content_type: 'text/csv',
        content_disposition: 'attachment',
        content_id: null,
      },
    ])
    assert.ok(!came.body.includes('secret text'))

    // The message that the event names can be read.
    const email = await ok(resend.emails.receiving.get(email_id))
    assert.deepEqual([email.subject, email.text?.trim()], [data.subject, 'the secret text'])
    const attachment = await ok(resend.emails.receiving.attachments.get({ emailId: email_id, id: file?.id ?? '' }))
    assert.equal(attachment.filename, 'list.csv')

    await sleep(300)
    assert.equal(receiver.received('/incoming').length, 1, 'one event, however many recipients')
    assert.deepEqual(receiver.refused(), [])
  })
})
