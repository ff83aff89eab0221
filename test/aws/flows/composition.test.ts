import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Resend } from 'resend'
import { ok, until } from '../../flows/support/ask.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../../flows/support/webhook-receiver.ts'
import { createFirstAccount } from '../flow-server.ts'
import { type Platform, type Running, startPlatform } from '../platform.ts'
import type { SentMail } from '../ses.ts'
import { bounceEventOf, complaintOf, deliveryEventOf } from '../ses-hop.ts'

/** An API key for tests. */
const API_KEY = 're_dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LXRlc3Q'
const FROM = 'Ada <ada@kabutar.test>'
const ENV = { KABUTAR_ALLOW_PRIVATE: 'on', KABUTAR_SEND_RETRIES: '300ms,300ms' }

describe('the built functions with SES, SQS and S3', () => {
  let platform: Platform
  let running: Running
  let receiver: WebhookReceiver
  let resend: Resend
  /** SES's stand-in calls it with an accepted mail before it answers. */
  let accepted: (mail: SentMail) => void = () => undefined
  before(async () => {
    receiver = await startWebhookReceiver()
    platform = await startPlatform((mail) => accepted(mail))
    await createFirstAccount(platform, API_KEY)
    running = await platform.run(ENV)
    resend = new Resend(API_KEY, { baseUrl: running.url })
  })
  after(async () => {
    await running?.stop()
    await platform?.close()
    await receiver?.[Symbol.asyncDispose]()
  })

  const send = async (to: string) => (await ok(resend.emails.send({ from: FROM, to, subject: 's', text: 't' }))).id
  const last = (id: string, event: string) =>
    until(`${id} to be ${event}`, async () => (await ok(resend.emails.get(id))).last_event === event)
  const mailsOf = (id: string) => platform.ses.sent.filter(({ tags }) => tags.kabutar_id === id)
  const sent = async (id: string) => {
    await last(id, 'sent')
    const [mail] = mailsOf(id)
    assert.ok(mail)
    return mail
  }

  test("SES's events raise the status and reach the endpoint, with the Message-ID of SES", async () => {
    const events = ['email.delivered', 'email.bounced', 'email.complained'] as const
    const hook = await ok(resend.webhooks.create({ endpoint: receiver.url('/feedback'), events: [...events] }))
    receiver.trust('/feedback', hook.signing_secret)
    const id = await send('bob@dest.test')
    const mail = await sent(id)
    assert.equal((await ok(resend.emails.get(id))).message_id, `<${mail.id}@email.amazonses.com>`)
    await platform.publish(deliveryEventOf(mail, ['bob@dest.test']))
    await last(id, 'delivered')
    await platform.publish(complaintOf(mail, 'bob@dest.test'))
    await last(id, 'complained')
    const other = await send('gone@dest.test')
    const rejection = { recipient: 'gone@dest.test', replyCode: 550, status: '5.1.1', diagnostic: '5.1.1 unknown' }
    await platform.publish(bounceEventOf(await sent(other), rejection))
    await last(other, 'bounced')
    const told = await receiver.waitFor('/feedback', (all) => all.length >= 3)
    assert.deepEqual(told.map(({ payload }) => payload.type).sort(), [...events].sort())
  })

  test('throttles of SES and DynamoDB delay mail, and everything is sent once', async () => {
    platform.ses.faults.push('rate', 'too many requests')
    platform.dynamo.faults.push(
      ...Array.from({ length: 3 }, () => ({ operation: 'UpdateItem', kind: 'throttled' }) as const),
    )
    const ids = await Promise.all([1, 2, 3, 4].map((n) => send(`t${n}@dest.test`)))
    for (const id of ids) await last(id, 'sent')
    assert.deepEqual(
      ids.map((id) => mailsOf(id).length),
      [1, 1, 1, 1],
    )
  })

  for (const fault of ['500 after acceptance', 'dropped after acceptance'] as const) {
    test(`a lost answer of SES causes no second mail once an event reports the first: ${fault}`, async () => {
      platform.ses.faults.push(fault)
      const id = await send('lost@dest.test')
      const mail = await until('the mail at SES', async () => mailsOf(id)[0])
      await sleep(300)
      assert.equal((await ok(resend.emails.get(id))).last_event, 'queued')
      await platform.publish(deliveryEventOf(mail, ['lost@dest.test']))
      await last(id, 'delivered')
      assert.equal(mailsOf(id).length, 1)
    })
  }

  test('after a kill between acceptance and record, an event of SES completes the message', async () => {
    const mail = new Promise<SentMail>((resolve) => {
      accepted = (one) => {
        accepted = () => undefined
        void running.lambdas.send.kill().then(() => resolve(one))
      }
    })
    const id = await send('killed@dest.test')
    await platform.publish(deliveryEventOf(await mail, ['killed@dest.test']))
    await last(id, 'delivered')
    const other = await send('after@dest.test')
    await last(other, 'sent')
    assert.deepEqual([mailsOf(id).length, mailsOf(other).length], [1, 1])
  })

  test('mail that SES received is listed once, however often its notification comes', async () => {
    const file = Buffer.from([0, 255, 13, 10, 0])
    const raw = [
      'From: Eve <eve@far.test>',
      'To: ada@kabutar.test',
      'Subject: from SES',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary="=b"',
      '',
      '--=b',
      'Content-Type: text/html; charset=utf-8',
      '',
      '<p>Only <b>html</b></p><ul><li>one</li></ul>',
      '--=b',
      'Content-Type: text/plain',
      '',
      'and the footer of a list',
      '--=b',
      'Content-Type: application/octet-stream; name=a.bin',
      'Content-Transfer-Encoding: base64',
      '',
      file.toString('base64'),
      '--=b--',
      '',
    ].join('\r\n')
    const listed = async (subject: string) =>
      (await ok(resend.emails.receiving.list({ limit: 100 }))).data.filter((email) => email.subject === subject)
    const mail = {
      sesId: 'ses-in-1',
      raw,
      recipients: ['ada@kabutar.test', 'nobody@elsewhere.test'],
      receivedAt: new Date(),
    }
    await platform.receive({ ...mail, notification: 'before' })
    await until('the mail', async () => (await listed('from SES')).length === 1)
    await platform.receive(mail)
    await sleep(1500)
    const [email, ...more] = await listed('from SES')
    assert.equal(more.length, 0)
    const whole = await ok(resend.emails.receiving.get(email?.id ?? ''))
    const bytes = await fetch(whole.raw?.download_url ?? '')
    assert.equal(await bytes.text(), raw)
    assert.match(whole.text ?? '', /^\* one$/m)
    const { data } = await ok(resend.emails.receiving.attachments.list({ emailId: email?.id ?? '' }))
    assert.deepEqual(
      data.map(({ filename, size }) => [filename, size]),
      [['a.bin', file.length]],
    )
    const opened = await fetch(data[0]?.download_url ?? '')
    assert.ok(Buffer.from(await opened.arrayBuffer()).equals(file))
  })

  test('a spent quota delays mail with a reason, and an hour later it is sent once', async () => {
    platform.ses.faults.push('quota')
    const first = await send('quota-1@dest.test')
    const waiting = async (id: string) => (await ok(resend.emails.get(id))) as unknown as { waiting_reason?: string }
    await until('the quota to be known', async () => (await waiting(first)).waiting_reason === 'quota')
    const second = await send('quota-2@dest.test')
    await until('the other to wait', async () => (await waiting(second)).waiting_reason === 'quota')
    assert.deepEqual([mailsOf(first), mailsOf(second)], [[], []])
    const { port } = new URL(running.url)
    await running.kill()
    running = await platform.run({ ...ENV, CLOCK_AHEAD_MS: String(61 * 60_000) }, { port: Number(port) })
    for (const id of [first, second]) await last(id, 'sent')
    await sleep(500)
    assert.deepEqual([mailsOf(first).length, mailsOf(second).length], [1, 1])
  })
})
