import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Resend } from 'resend'
import { ok, until } from './support/ask.ts'
import { type Server, startServer } from './support/server.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

describe('receiving and reading through the unmodified SDK, on the real server', () => {
  let server: Server
  let resend: Resend
  before(async () => {
    server = await startServer()
    resend = new Resend(server.apiKey, { baseUrl: server.url })
  })
  after(async () => {
    await server?.close()
  })

  const deliver = (raw: string, to: readonly string[] = ['Ada@kabutar.test']) => server.receive(raw, to)
  const bySubject = (subject: string) =>
    until(`${subject} to be received`, async () => {
      const { data } = await ok(resend.emails.receiving.list({ limit: 100 }))
      return data.find((email) => email.subject === subject)
    })

  const RAW = [
    'From: Eve <eve@far.test>',
    'To: Ada <ada@kabutar.test>',
    'Subject: all of it',
    'Message-ID: <all@far.test>',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="=b"',
    '',
    '--=b',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<p>.dots</p><img src="cid:dot@far">',
    '.',
    '..two \u00e4\u20ac',
    '--=b',
    'Content-Type: image/png; name=dot.png',
    'Content-ID: <dot@far>',
    'Content-Transfer-Encoding: base64',
    '',
    PNG.toString('base64'),
    '--=b--',
    '',
  ].join('\r\n')

  test('a message is kept byte for byte and read with its attachment', async () => {
    await deliver(RAW, ['Ada@kabutar.test', 'info@kabutar.test'])
    const { id, received_for } = await bySubject('all of it')
    assert.deepEqual(received_for, ['Ada@kabutar.test', 'info@kabutar.test'])
    const email = await ok(resend.emails.receiving.get(id))
    assert.match(email.html ?? '', /<img src="data:image\/png;base64,/)
    assert.equal(email.headers?.subject, 'all of it')
    const raw = await fetch(email.raw?.download_url ?? '')
    assert.ok(Buffer.from(await raw.arrayBuffer()).equals(Buffer.from(RAW)))
    assert.match(raw.headers.get('content-disposition') ?? '', /^attachment;/)
    const cid = await ok(resend.emails.receiving.get(id, { html_format: 'cid' }))
    assert.match(cid.html ?? '', /cid:dot@far/)
    const { data } = await ok(resend.emails.receiving.attachments.list({ emailId: id }))
    assert.deepEqual(
      data.map(({ filename, size }) => [filename, size]),
      [['dot.png', PNG.length]],
    )
    const one = await ok(resend.emails.receiving.attachments.get({ emailId: id, id: data[0]?.id ?? '' }))
    const file = await fetch(one.download_url)
    assert.ok(Buffer.from(await file.arrayBuffer()).equals(PNG))
    const log = server.stderr.join('\n')
    assert.ok(!log.includes('signature'), log)
  })

  test('a message is forwarded, as it is and wrapped, and is received again', async () => {
    await deliver(RAW.replace('Subject: all of it', 'Subject: to forward'))
    const { id } = await bySubject('to forward')
    const forward = { emailId: id, from: 'ada@kabutar.test', to: 'bob@kabutar.test' }
    await ok(resend.emails.receiving.forward({ ...forward, passthrough: false, text: 'see below' }))
    const wrapped = await bySubject('Fwd: to forward')
    const { data } = await ok(resend.emails.receiving.attachments.list({ emailId: wrapped.id }))
    assert.deepEqual(
      data.map(({ filename, content_type }) => [filename, content_type]),
      // It has octets beyond ASCII, which not every server takes, and a message/rfc822 is never encoded.
      [['forwarded_message.eml', 'application/octet-stream']],
    )
    const inner = await (await fetch(data[0]?.download_url ?? '')).arrayBuffer()
    assert.ok(Buffer.from(inner).equals(Buffer.from(RAW.replace('Subject: all of it', 'Subject: to forward'))))
    const { id: sent } = await ok(resend.emails.receiving.forward(forward))
    const passed = await until('the forwarded one', async () => {
      const { data } = await ok(resend.emails.receiving.list())
      return data.find(({ subject, to }) => subject === 'to forward' && to[0] === 'bob@kabutar.test')
    })
    assert.equal(passed.message_id, `<${sent}@kabutar.test>`)
  })

  test('mail for other domains is refused, and a webhook reports what was received', async () => {
    const forStrangers = RAW.replace('Subject: all of it', 'Subject: for strangers')
    await assert.rejects(deliver(forStrangers, ['ada@elsewhere.test']), /550 5\./)
    // SES words the refusal differently.
    if (server.platform === 'embedded') await assert.rejects(deliver(RAW, ['ada@elsewhere.test']), /550 5\.7\.1/)
    const heard: { type: string; data: Record<string, unknown> }[] = []
    const sink = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      heard.push(JSON.parse(Buffer.concat(chunks).toString()))
      response.end()
    }).listen(0, '127.0.0.1')
    try {
      await until('the sink', async () => sink.listening)
      const endpoint = `http://127.0.0.1:${(sink.address() as AddressInfo).port}/`
      await ok(resend.webhooks.create({ endpoint, events: ['email.received'] }))
      await deliver(RAW.replace('Subject: all of it', 'Subject: heard of'))
      const [event] = await until('the webhook', async () => heard.length > 0 && heard)
      assert.deepEqual(
        [event?.type, event?.data.subject, event?.data.received_for],
        ['email.received', 'heard of', ['Ada@kabutar.test']],
      )
      const email = await ok(resend.emails.receiving.get(String(event?.data.email_id)))
      assert.equal(email.subject, 'heard of')
      const { data } = await ok(resend.emails.receiving.list({ limit: 100 }))
      assert.ok(!data.some(({ subject }) => subject === 'for strangers'))
    } finally {
      sink.closeAllConnections()
      sink.close()
    }
  })

  test('each accepted message is there once after a kill, and a stop exits with 0', { timeout: 90_000 }, async () => {
    const taken: string[] = []
    let killed = false
    const load = Array.from({ length: 8 }, async (_, n) => {
      for (let i = 0; i < 50 && !killed; i++) {
        const subject = `kill ${n} ${i}`
        try {
          await deliver(RAW.replace('Subject: all of it', `Subject: ${subject}`))
          taken.push(subject)
        } catch {
          // The message was refused or cut off before the 250, so nothing was promised.
        }
      }
    })
    await until('the load', async () => taken.length > 40)
    await server.kill()
    killed = true
    await Promise.all(load)
    await server.restart()
    const listed = async () => {
      const subjects: string[] = []
      for (let after: string | undefined, more = true; more; ) {
        const page = await ok(resend.emails.receiving.list({ limit: 100, ...(after && { after }) }))
        subjects.push(...page.data.map(({ subject }) => subject))
        after = page.data.at(-1)?.id
        more = page.has_more
      }
      return taken.every((subject) => subjects.includes(subject)) && subjects
    }
    // The entries of a killed sandbox come back after the visibility timeout of their queue.
    const found = await until('everything taken', listed, 40)
    const loaded = found.filter((subject) => subject.startsWith('kill '))
    assert.equal(new Set(loaded).size, loaded.length, 'none twice')
    assert.equal(await server.stop(), 0)
  })
})
