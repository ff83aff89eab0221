import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodePart } from './mime/decode.ts'
import { readMessage } from './parse.ts'

const crlf = (...lines: readonly string[]) => Buffer.from(lines.join('\r\n'))

const RICH = crlf(
  'From: =?utf-8?Q?B=C3=A9?= <a@x.test>',
  'To: Team: b@y.test, C <c@z.test>;',
  'Subject: =?utf-8?B?4pyT?= done',
  'Date: Fri, 21 Nov 1997 09:55:06 -0600 (CST)',
  'Message-ID: <1@x.test>',
  'X-Thing: 1',
  'X-Thing: 2',
  'Content-Type: multipart/mixed; boundary=m',
  '',
  '--m',
  'Content-Type: multipart/alternative; boundary=a',
  '',
  '--a',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'caf=C3=A9',
  '--a',
  'Content-Type: text/html',
  '',
  '<p>html <img src="cid:logo@x"></p>',
  '--a--',
  '--m',
  'Content-Type: image/png; name="=?utf-8?Q?=C3=A9.png?="',
  'Content-ID: <logo@x>',
  'Content-Disposition: inline',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '--m',
  'Content-Type: message/rfc822',
  'Content-Disposition: attachment; filename=fwd.eml',
  '',
  'Subject: inner',
  '',
  'inner text',
  '--m',
  'Content-Type: text/plain; name=notes.txt',
  'Content-Disposition: inline',
  '',
  'notes',
  '--m--',
  '',
)

test('a message is read in full', async () => {
  const { index, attachments, headers, ...read } = readMessage(RICH)
  assert.deepEqual(read, {
    subject: '✓ done',
    from: [{ name: 'Bé', address: 'a@x.test' }],
    to: [
      { name: '', address: 'b@y.test' },
      { name: 'C', address: 'c@z.test' },
    ],
    cc: [],
    bcc: [],
    replyTo: [],
    date: new Date('1997-11-21T15:55:06Z'),
    messageId: '<1@x.test>',
    inReplyTo: [],
    references: [],
    html: '<p>html <img src="cid:logo@x"></p><br/>\n<p>notes</p>',
    text: 'café\nnotes',
  })
  assert.deepEqual(
    headers.filter(({ name }) => name === 'X-Thing').map(({ value }) => value),
    ['1', '2'],
  )
  assert.equal(index.parts, 8)
})

test('a footer joins the body before it, and a missing form is not invented', async () => {
  const html = ['--m', 'Content-Type: text/html', '', '<p>body</p>']
  const head = ['Content-Type: multipart/mixed; boundary=m', '']
  const both = readMessage(crlf(...head, ...html, '--m', '', 'footer', '--m--'))
  assert.deepEqual([both.html, both.text], ['<p>body</p><br/>\n<p>footer</p>', 'body\nfooter'])
  const one = readMessage(crlf(...head, ...html, '--m--'))
  assert.deepEqual([one.html, one.text], ['<p>body</p>', null])
  const plain = readMessage(crlf('', 'https://x.test <b>'))
  assert.deepEqual([plain.html, plain.text], [null, 'https://x.test <b>'])
})

test('attachments are named by their section and read by range', async () => {
  const { attachments } = readMessage(RICH)
  assert.deepEqual(
    attachments.map(({ id, filename, contentType, contentId, disposition, from, to, encoding }) => [
      id,
      filename,
      contentType,
      contentId,
      disposition,
      Buffer.from(decodePart(RICH.subarray(from, to), encoding)).toString('latin1'),
    ]),
    [
      ['2', 'é.png', 'image/png', 'logo@x', 'inline', '\x00\x01\x02'],
      ['3', 'fwd.eml', 'message/rfc822', null, 'attachment', 'Subject: inner\r\n\r\ninner text'],
      ['4', 'notes.txt', 'text/plain', null, 'inline', 'notes'],
    ],
  )
})

test('a message above the limits of the index is read as far as it is indexed', () => {
  const parts = Array.from({ length: 3000 }, (_, i) => `--m\r\n\r\npart ${i}\r\n`).join('')
  const many = Buffer.from(`Subject: many\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n${parts}--m--`)
  const read = readMessage(many)
  assert.equal(read.subject, 'many')
  assert.ok(read.text?.startsWith('part 0\npart 1\n'))
  const longHeader = Buffer.from(`Subject: long\r\nX-Long: ${'x'.repeat(3_000_000)}\r\n\r\nbody`)
  assert.equal(readMessage(longHeader).text, 'body')
})

for (const raw of [
  '',
  '\r\n',
  '\0',
  'Content-Type: text/html; charset=nope\r\n\r\n\xff',
  'Content-Type: multipart/mixed\r\n\r\nx',
]) {
  test(`any message can be read: ${JSON.stringify(raw)}`, async () => {
    const { html, text } = readMessage(Buffer.from(raw, 'latin1'))
    for (const part of [html, text]) assert.ok(part === null || typeof part === 'string')
  })
}
