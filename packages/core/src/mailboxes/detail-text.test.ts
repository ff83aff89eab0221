import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { indexMessage } from '@kabutar/mail/mime/indexer.ts'
import fc from 'fast-check'
import { type Detail, detailOf, textOf } from './detail-text.ts'

const require = createRequire(import.meta.url)
const TORTURE = readFileSync(require.resolve('imap-core').replace(/index\.js$/, 'test/fixtures/mimetorture.eml'))
/** What it is when it was JSON itself once, as rows are. */
const plain = (detail: Detail) => JSON.parse(JSON.stringify(detail)) as Detail
const detailed = (raw: Uint8Array): Detail => ({ index: indexMessage(raw), preview: 'p', sizes: { '1.2': 3 } })

const LINES = [
  'From: "A, B" <a@x.test>, c@y.test',
  'Sender: s@x.test',
  'Sender:',
  'Reply-To: "A, B" <a@x.test>, c@y.test',
  'Reply-To: r@x.test',
  'To: Team: d@z.test, "E" <e@z.test>;, undisclosed:;',
  'Cc: =?utf-8?q?=C3=BC?= <u@x.test>',
  'Bcc: ',
  'Subject: \ud83d\ude00',
  'Message-ID: <1@x>',
  'In-Reply-To: <2@x> <3@x>',
  'References: <4@x>',
  'Date: Sun, 22 Nov 2026 12:00:00 +0000',
  'Content-Type: multipart/mixed; boundary=b',
  'Content-Type: message/rfc822',
  'Content-Type: text/html; charset=x; format=flowed',
  'Content-Disposition: attachment; filename="a b.pdf"; size=3',
  'Content-ID: <i>',
  'Content-Language: de, en',
  'Content-Location: x',
  'Content-MD5: y',
  'Content-Description: z',
  'Content-Transfer-Encoding: base64',
  '',
  '--b',
  '--b--',
]

test('a detail comes back as it was', () => {
  for (const raw of [Buffer.from(''), Buffer.from('x'), TORTURE]) {
    assert.deepEqual(detailOf(textOf(detailed(raw))), plain(detailed(raw)))
  }
  const messages = fc.array(fc.constantFrom(...LINES), { maxLength: 40 }).map((lines) => lines.join('\r\n'))
  fc.assert(
    fc.property(messages, (text) => {
      const detail = detailed(Buffer.from(text))
      assert.deepEqual(detailOf(textOf(detail)), plain(detail))
    }),
    { seed: 20261126, numRuns: 2000 },
  )
  assert.deepEqual(detailOf(textOf({ ...detailed(TORTURE), preview: '', sizes: {} })).sizes, {})
})

test('that of a common message is a third of its JSON', () => {
  const detail = detailed(
    Buffer.from('From: Eve <eve@far.test>\r\nTo: ada@kabutar.test\r\nSubject: s\r\n\r\nHello.\r\n'),
  )
  const [short, long] = [textOf(detail).length, JSON.stringify(detail).length]
  assert.ok(short < long / 3, `${short} of ${long}`)
})
