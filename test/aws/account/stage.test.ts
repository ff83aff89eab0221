/**
 * Tests a deployed stage through the unmodified SDK. Needs KABUTAR_URL and KABUTAR_KEY of the stage, and in KABUTAR_FROM an
 * address of a domain that sends and receives. Mail goes to SES's mailbox simulator only.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Resend } from 'resend'
import { ok, until } from '../../flows/support/ask.ts'

const { KABUTAR_URL: url = '', KABUTAR_KEY: key = 're_none', KABUTAR_FROM: from = '' } = process.env
const skip = url === '' || from === '' ? 'KABUTAR_URL, KABUTAR_KEY and KABUTAR_FROM name no stage' : false
/** Skips tests that need SES's simulator. */
const behindSes = skip || (url.startsWith('https:') ? false : 'SES is not behind it')

const resend = new Resend(key, { baseUrl: url || 'http://127.0.0.1:1' })
/** Time for mail to arrive. */
const SECONDS = 120

const send = async (to: string, subject = 'Hello from a test') =>
  (await ok(resend.emails.send({ from, to, subject, text: 'It flies.' }))).id
const becomes = (id: string, event: string) =>
  until(`${id} to be ${event}`, async () => (await ok(resend.emails.get(id))).last_event === event, SECONDS)

describe('a deployed stage', { concurrency: true }, () => {
  test('delivers', { skip }, async () => {
    await becomes(await send('success@simulator.amazonses.com'), 'delivered')
  })

  for (const [mailbox, event] of [
    ['bounce', 'bounced'],
    ['complaint', 'complained'],
  ] as const) {
    test(`reports that a mail is ${event}`, { skip: behindSes }, async () => {
      // A new label each time, because the first run suppresses the address.
      await becomes(await send(`${mailbox}+${Date.now()}@simulator.amazonses.com`), event)
    })
  }

  test('answers a repeated idempotency key with the same message', { skip }, async () => {
    const mail = { from, to: 'success@simulator.amazonses.com', subject: 'Once', text: 'once' }
    const idempotencyKey = `test-${Date.now()}`
    const ids = await Promise.all([1, 2, 3].map(() => resend.emails.send(mail, { idempotencyKey })))
    const answered = new Set(ids.flatMap(({ data }) => data?.id ?? []))
    assert.equal(answered.size, 1)
  })

  test('receives mail that it sends to itself', { skip }, async () => {
    const subject = `To ourselves ${Date.now()}`
    await send(from.replace(/^.*<|>.*$/g, ''), subject)
    const { id } = await until(
      'the mail to come back',
      async () => (await ok(resend.emails.receiving.list({ limit: 100 }))).data.find((one) => one.subject === subject),
      SECONDS,
    )
    const whole = await ok(resend.emails.receiving.get(id))
    assert.match(whole.text ?? '', /It flies\./)
    assert.match(await (await fetch(whole.raw?.download_url ?? '')).text(), /^Subject: To ourselves/m)
  })

  test('refuses an unknown key as Resend does', { skip }, async () => {
    const { error } = await new Resend('re_none', { baseUrl: url }).emails.get('00000000-0000-7000-8000-000000000000')
    assert.ok(error)
  })
})
