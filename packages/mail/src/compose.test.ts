import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { simpleParser } from 'mailparser'
import { type Composition, compose } from './compose.ts'

const plain: Composition = {
  id: '0199a0b0-0000-7000-8000-000000000001',
  date: new Date('2026-11-22T10:00:00Z'),
  messageId: '<0199a0b0-0000-7000-8000-000000000001@x.test>',
  from: { name: 'Ädä', address: 'ada@x.test' },
  to: [{ name: '', address: 'bob@y.test' }],
  cc: [],
  replyTo: [],
  subject: 'Grüße 🕊',
  text: 'hello\n.\nFrom here\n',
  headers: {},
  attachments: [],
}

describe('compose', () => {
  test('is a pure function of its argument, so that a second attempt is byte-equal', async () => {
    const full = {
      ...plain,
      html: '<p>hi</p>',
      attachments: [{ filename: 'a.bin', content: new Uint8Array([0, 1, 2, 255]) }],
    }
    assert.deepEqual(await compose(full), await compose(full))
  })

  test('is read back right by another library', async () => {
    const content = new Uint8Array([0, 13, 10, 255])
    const raw = await compose({
      ...plain,
      html: '<p>Hello <a href="https://x.test/">there</a></p><img src="cid:logo">',
      cc: [{ name: 'C, D', address: 'c@y.test' }],
      replyTo: [{ name: '', address: 'r@x.test' }],
      headers: { 'X-Ref': '1', 'In-Reply-To': '<q@y.test>' },
      attachments: [
        { filename: 'grüße.bin', content, contentType: 'application/x-thing' },
        { filename: 'logo.png', content, contentType: 'image/png', contentId: 'logo' },
      ],
    })
    const mail = await simpleParser(Buffer.from(raw), { skipImageLinks: true })
    assert.equal(mail.subject, plain.subject)
    assert.equal(mail.messageId, plain.messageId)
    assert.deepEqual(mail.date, plain.date)
    assert.deepEqual(mail.from?.value, [plain.from])
    assert.equal(mail.headers.get('x-ref'), '1')
    assert.equal(mail.inReplyTo, '<q@y.test>')
    assert.equal(mail.html, '<p>Hello <a href="https://x.test/">there</a></p><img src="cid:logo">')
    assert.deepEqual(
      mail.attachments.map(({ filename, contentType, cid, content: c }) => [filename, contentType, cid, [...c]]),
      [
        ['logo.png', 'image/png', 'logo', [0, 13, 10, 255]],
        ['grüße.bin', 'application/x-thing', undefined, [0, 13, 10, 255]],
      ],
    )
  })

  test('sends a message along as an attachment, not as a part to read', async () => {
    const content = Buffer.from('Subject: inner\r\n\r\nhello\r\n')
    const attachments = [{ filename: 'inner.eml', content, contentType: 'message/rfc822' }]
    const raw = Buffer.from(await compose({ ...plain, attachments })).toString()
    assert.match(raw, /Content-Disposition: attachment; filename=inner\.eml/)
    assert.ok(raw.includes(content.toString()))
  })

  test('sends a message with longer lines than a relay takes along as a file', async () => {
    const content = Buffer.from(`Subject: inner\r\n\r\n${'x'.repeat(999)}\r\n`)
    const attachments = [{ filename: 'inner.eml', content, contentType: 'message/rfc822' }]
    const raw = Buffer.from(await compose({ ...plain, attachments }))
    assert.ok(
      raw
        .toString()
        .split('\r\n')
        .every((line) => line.length <= 998),
    )
    const { attachments: read } = await simpleParser(raw)
    assert.match(raw.toString(), /Content-Type: application\/octet-stream; name=inner\.eml/)
    assert.deepEqual(read[0]?.content, content)
  })

  const MESSAGE = 'Subject: inner\r\n\r\nhello\r\n'
  for (const [name, content, contentType] of [
    ['NUL', 'a\r\n\0.\r\nb', 'message/rfc822'],
    ['a bare CR', 'a\rb\r\n', 'message/rfc822'],
    ['octets beyond ASCII', 'Subject: gr\xfc\xdfe\r\n\r\n', 'message/global'],
    ['a long line without an end', `${MESSAGE}${'x'.repeat(5000)}`, 'message/rfc822'],
    ['NUL in another type of message', 'a\0b', 'message/delivery-status'],
    ['octets beyond ASCII in another type', '\xff', 'message/http'],
  ] as const) {
    test(`sends a message with ${name} along as a file`, async () => {
      const attachments = [{ filename: 'inner', content: Buffer.from(content, 'latin1'), contentType }]
      const raw = Buffer.from(await compose({ ...plain, attachments })).toString('latin1')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be in the message
      assert.doesNotMatch(raw, /[\u0000\u0080-\u00ff]|[^\r]\n|\r[^\n]|[^\r\n]{999}/)
      const { attachments: read } = await simpleParser(raw)
      assert.match(raw, /Content-Type: application\/octet-stream; name=inner/)
      assert.equal(read[0]?.filename, /rfc822|global/.test(contentType) ? 'inner.eml' : 'inner')
      assert.equal(read[0]?.content.toString('latin1'), content)
    })
  }

  test('sends a message whose lines end in LF along with CRLF', async () => {
    const content = Buffer.from(MESSAGE.replaceAll('\r', ''))
    const attachments = [{ filename: 'inner.eml', content, contentType: 'message/rfc822' }]
    const raw = Buffer.from(await compose({ ...plain, attachments })).toString()
    assert.ok(raw.includes(MESSAGE))
    assert.doesNotMatch(raw, /[^\r]\n/)
  })

  test('ends every line of the texts in CRLF, so that a signature is over what goes over the wire', async () => {
    for (const text of ['a\rb', 'a\r\rb\r', 'a\r\n\rb\nc', 'schön\rb']) {
      const raw = Buffer.from(await compose({ ...plain, text, html: `<p>${text}</p>` })).toString('latin1')
      assert.doesNotMatch(raw, /\r(?!\n)|(?<!\r)\n/, JSON.stringify(text))
    }
  })

  test('makes the plain text from html when it is missing, and leaves it out when it is empty', async () => {
    const { text: _, ...withoutText } = plain
    const html = '<h1>Invoice</h1><p>Pay <a href="https://x.test/pay">here</a></p>'
    const made = await simpleParser(Buffer.from(await compose({ ...withoutText, html })))
    assert.match(made.text ?? '', /Invoice[\s\S]*Pay here \[https:\/\/x\.test\/pay\]/)
    const without = Buffer.from(await compose({ ...plain, text: '', html })).toString()
    assert.ok(!without.includes('text/plain'))
  })

  test('has CRLF line ends only and lines of at most 998 bytes', async () => {
    const raw = Buffer.from(
      await compose({ ...plain, text: `${'x'.repeat(5000)}\nä\n`, html: 'y'.repeat(5000) }),
    ).toString('latin1')
    assert.ok(!/[^\r]\n|\r[^\n]/.test(raw))
    assert.ok(raw.split('\r\n').every((line) => line.length <= 998))
  })
})
