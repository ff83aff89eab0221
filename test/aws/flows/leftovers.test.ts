/** What functions end long after the request that began it: mail that is too old, and entries that waited for a store. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { setRetention } from '@kabutar/core/accounts/retention.ts'
import { encodeSendEntry } from '@kabutar/core/sending/send-queue.ts'
import { webhookEntry } from '@kabutar/core/webhooks/entry.ts'
import { Resend } from 'resend'
import { ok, until } from '../../flows/support/ask.ts'
import { createFirstAccount } from '../flow-server.ts'
import { type Platform, type Running, startPlatform } from '../platform.ts'
import { deliveryEventOf } from '../ses-hop.ts'

/** An API key for tests. */
const API_KEY = 're_dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LXRlc3Q'
const DAY_MS = 86_400_000

let platform: Platform
let running: Running
let resend: Resend
const start = async (env: Readonly<Record<string, string>> = {}) => {
  running = await platform.run(env)
  resend = new Resend(API_KEY, { baseUrl: running.url })
}
before(async () => {
  platform = await startPlatform(() => undefined)
  await createFirstAccount(platform, API_KEY)
  await start()
})
after(async () => {
  await running?.stop()
  await platform?.close()
})

test('an entry that waited for a store ends with its row', async () => {
  const { id } = await ok(resend.emails.send({ from: 'a@kabutar.test', to: 'b@dest.test', subject: 's', text: 't' }))
  const sent = async () => platform.ses.sent.find(({ tags }) => tags.kabutar_id === id)
  const mail = await until('the mail to be sent', sent)
  const kept = (body: string) => [{ body: JSON.stringify({ v: 1, waitingSince: Date.now(), body }) }]
  await platform.queue('feedback').send(kept(JSON.stringify(deliveryEventOf(mail, mail.recipients))))
  const event = `msg_${'0'.repeat(32)}`
  const gone = webhookEntry({ account: FIRST_ACCOUNT, endpoint: 'none', message: id, event, attempt: 1 })
  await platform.queue('webhooks').send(kept(gone))
  await platform.queue('send').send(kept(encodeSendEntry({ accountId: FIRST_ACCOUNT, id, attempt: 1 })))
  const delivered = async () => (await ok(resend.emails.get(id))).last_event === 'delivered'
  await until(
    'the report to be recorded and the queues to be empty',
    async () => (await delivered()) && platform.isEmpty('webhooks') && platform.isEmpty('send'),
  )
})

test('content that is too old is deleted by the row of the account, with its objects', async () => {
  const content = Buffer.from('a file').toString('base64')
  const attachments = [{ filename: 'a.txt', content }]
  const { id: sent } = await ok(
    resend.emails.send({ from: 'a@kabutar.test', to: 'b@dest.test', subject: 'old', text: 't', attachments }),
  )
  const key = await platform.receive({
    sesId: 'old-1',
    raw: 'From: e@far.test\r\nTo: ada@kabutar.test\r\nSubject: old\r\n\r\nt\r\n',
    recipients: ['ada@kabutar.test'],
  })
  const list = async () => (await ok(resend.emails.receiving.list())).data[0]?.id
  const received = (await until('the mail to be received', list)) as string
  await until('the mail to be sent', async () => (await ok(resend.emails.get(sent))).last_event === 'sent')
  const isThere = (Key: string) =>
    platform.s3.send(new HeadObjectCommand({ Bucket: platform.wiring.bucket, Key })).then(
      () => true,
      () => false,
    )
  const keys = [key, `${FIRST_ACCOUNT}/${sent}`]
  for (const one of keys) assert.ok(await isThere(one), one)

  await running.stop()
  await setRetention(platform.table, FIRST_ACCOUNT, { contentDays: 30, eventDays: undefined })
  await start({ CLOCK_AHEAD_MS: String(40 * DAY_MS) })
  const expired = async () => {
    const both = [await ok(resend.emails.get(sent)), await ok(resend.emails.receiving.get(received))]
    return both.every((one) => 'content_expired_at' in one && one.text === null && one.subject === 'old')
  }
  await until('both to have expired', expired)
  for (const one of keys) assert.ok(!(await isThere(one)), one)
})
