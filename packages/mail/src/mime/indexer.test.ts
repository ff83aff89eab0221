import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyStructureOf, envelopeOf, partAt } from '@kabutar/testing/body-structure.ts'
import { indexMessage, MimeIndexer } from './indexer.ts'
import { type Part, partsOf } from './part.ts'
import { isNamed } from './readable.ts'
import { tilingFaults } from './tiling.contract.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const crlf = (...lines: readonly string[]) => lines.join('\r\n')

/** Parts in one line each: number, type, body. */
function outline(text: string): readonly string[] {
  const raw = bytes(text)
  const index = indexMessage(raw)
  assert.deepEqual(tilingFaults(raw, index), [])
  const show = (part: Part) => `${part.path} ${part.type}/${part.subtype} ${part.opaque ?? ''}`.trim()
  const body = (part: Part) =>
    part.children.length > 0 || part.message
      ? ''
      : ` ${JSON.stringify(raw.toString('latin1', part.bodyStart, part.bodyEnd))}`
  return [...partsOf(index.root)].map((part) => show(part) + body(part))
}

const mixed = (boundary: string) => `Content-Type: multipart/mixed; boundary="${boundary}"`

const OUTLINES: readonly { name: string; raw: string; parts: readonly string[] }[] = [
  { name: 'an empty message', raw: '', parts: ['1 text/plain ""'] },
  { name: 'a header alone', raw: 'Subject: x', parts: ['1 text/plain ""'] },
  { name: 'a body alone', raw: '\r\nhi', parts: ['1 text/plain "hi"'] },
  { name: 'bare line feeds', raw: 'Subject: x\n\na\nb\n', parts: ['1 text/plain "a\\nb\\n"'] },
  { name: 'a bare CR ends nothing', raw: 'Subject: x\r\ry\r\n\r\nb', parts: ['1 text/plain "b"'] },
  {
    name: 'two parts, preamble and epilogue',
    raw: crlf(mixed('b'), '', 'pre', '--b', '', 'one', '--b', 'Content-Type: text/html', '', 'two', '--b--', 'epi'),
    parts: ['multipart/mixed', '1 text/plain "one"', '2 text/html "two"'],
  },
  {
    name: 'blanks after a delimiter, none before it',
    raw: crlf(mixed('b'), '', '--b  \t', '', 'one', ' --b', '--bc', '--b-- '),
    parts: ['multipart/mixed', '1 text/plain "one\\r\\n --b\\r\\n--bc"'],
  },
  {
    name: 'no closing delimiter',
    raw: crlf(mixed('b'), '', '--b', '', 'one'),
    parts: ['multipart/mixed', '1 text/plain "one"'],
  },
  {
    name: 'an outer delimiter ends inner parts',
    raw: crlf(mixed('o'), '', '--o', mixed('i'), '', '--i', '', 'x', '--o', '', 'y', '--o--'),
    parts: ['multipart/mixed', '1 multipart/mixed', '1.1 text/plain "x"', '2 text/plain "y"'],
  },
  {
    name: 'a boundary that begins like another',
    raw: crlf(mixed('b'), '', '--b', mixed('b1'), '', '--b1', '', 'x', '--b1--', '--b', '', 'y', '--b--'),
    parts: ['multipart/mixed', '1 multipart/mixed', '1.1 text/plain "x"', '2 text/plain "y"'],
  },
  {
    name: 'the same boundary inside: it belongs to the inner part until that closes',
    raw: crlf(mixed('b'), '', '--b', mixed('b'), '', '--b', '', 'x', '--b--', '--b', '', 'y', '--b--'),
    parts: ['multipart/mixed', '1 multipart/mixed', '1.1 text/plain "x"', '2 text/plain "y"'],
  },
  {
    name: 'a delimiter within a header',
    raw: crlf(mixed('b'), '', '--b', 'Content-Type: text/html', '--b', 'Content-Type: message/rfc822', '--b--'),
    parts: ['multipart/mixed', '1 text/html ""', '2 message/rfc822', '2.1 text/plain ""'],
  },
  {
    name: 'an empty part, directly after its header',
    raw: crlf(mixed('o'), '', '--o', mixed('i'), '', '--i', '', '--o--'),
    parts: ['multipart/mixed', '1 multipart/mixed', '1.1 text/plain ""'],
  },
  {
    name: 'an empty message inside: the line break before the delimiter is the delimiter’s',
    raw: crlf(mixed('b'), '', '--b', 'Content-Type: message/rfc822', '', 'Subject: in', '--b', '', 'y', '--b--'),
    parts: ['multipart/mixed', '1 message/rfc822', '1.1 text/plain ""', '2 text/plain "y"'],
  },
  {
    name: 'a closed multipart stays closed',
    raw: crlf(mixed('b'), '', '--b', '', 'x', '--b--', '--b', '', 'y'),
    parts: ['multipart/mixed', '1 text/plain "x"'],
  },
  {
    name: 'a multipart without boundary',
    raw: crlf('Content-Type: multipart/mixed', '', '--b', 'x'),
    parts: ['1 text/plain boundary "--b\\r\\nx"'],
  },
  {
    name: 'a multipart without its delimiter',
    raw: crlf(mixed('b'), '', 'hello'),
    parts: ['1 text/plain boundary "hello"'],
  },
  {
    name: 'messages inside, one of them with parts',
    raw: crlf(
      mixed('b'),
      '',
      '--b',
      'Content-Type: message/rfc822',
      '',
      'Subject: in',
      mixed('c'),
      '',
      '--c',
      '',
      'x',
      '--c--',
      '--b',
      'Content-Type: message/rfc822',
      '',
      '',
      'y',
      '--b--',
    ),
    parts: [
      'multipart/mixed',
      '1 message/rfc822',
      'multipart/mixed',
      '1.1 text/plain "x"',
      '2 message/rfc822',
      '2.1 text/plain "y"',
    ],
  },
  {
    name: 'an encoded message is opaque',
    raw: crlf('Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64', '', 'YQ=='),
    parts: ['1 application/octet-stream encoding "YQ=="'],
  },
  {
    name: 'a digest holds messages',
    raw: crlf('Content-Type: multipart/digest; boundary=b', '', '--b', '', 'Subject: x', '', 'y', '--b--'),
    parts: ['multipart/digest', '1 message/rfc822', '1.1 text/plain "y"'],
  },
  {
    name: 'a boundary of bytes beyond ASCII',
    raw: crlf(mixed('b\xff'), '', '--b\xff', '', 'x', '--b\xff--'),
    parts: ['multipart/mixed', '1 text/plain "x"'],
  },
  { name: 'NUL bytes', raw: 'Subject: a\0b\r\n\r\n\0\r\n', parts: ['1 text/plain "\\u0000\\r\\n"'] },
  { name: 'an unreadable type', raw: 'Content-Type: nonsense\r\n\r\nx', parts: ['1 text/plain "x"'] },
  {
    name: 'no space after the colon, a space before it',
    raw: 'Content-Type :text/html\r\n\r\nx',
    parts: ['1 text/html "x"'],
  },
]

for (const { name, raw, parts } of OUTLINES) {
  test(`parts of: ${name}`, () => assert.deepEqual(outline(raw), parts))
}

test('the fields of a part', () => {
  const index = indexMessage(
    bytes(
      crlf(
        'Content-Type: IMAGE/PNG; Name="a.png"',
        'Content-Transfer-Encoding: BASE64 (really)',
        'Content-ID: <logo@x>',
        'Content-Description: =?utf-8?Q?=E2=9C=93?=',
        "Content-Disposition: Attachment; filename*=utf-8''%E2%9C%93.png",
        'Content-Language: en, de',
        'Content-Location: http://x/',
        'Content-MD5: abc==',
        '',
        'AAAA',
      ),
    ),
  )
  assert.deepEqual(bodyStructureOf(index), [
    'image',
    'png',
    ['Name', 'a.png'],
    '<logo@x>',
    '=?utf-8?Q?=E2=9C=93?=',
    'base64',
    4,
    'abc==',
    ['attachment', ['filename*', "utf-8''%E2%9C%93.png"]],
    ['en', 'de'],
    'http://x/',
  ])
  assert.equal(isNamed(partAt(index, '1')!), true)
  assert.equal((bodyStructureOf(index, { extensions: false }) as unknown[]).length, 7)
})

test('the envelope, with a group and defaults', () => {
  const { envelope, ...index } = indexMessage(
    bytes(
      crlf(
        'From: "A, B" <a@x.test>',
        'To: Team: c@y.test, D <d@z.test>;, e@w.test',
        'Cc: undisclosed-recipients:;',
        'Message-ID: <1@x>',
        'References: <3@x> junk',
        ' <2@x>',
        'In-Reply-To: <2@x>',
        '',
        '',
      ),
    ),
  )
  const from = [['A, B', null, 'a', 'x.test']]
  const to = [
    [null, null, 'Team', null],
    [null, null, 'c', 'y.test'],
    ['D', null, 'd', 'z.test'],
    [null, null, null, null],
    [null, null, 'e', 'w.test'],
  ]
  const cc = [
    [null, null, 'undisclosed-recipients', null],
    [null, null, null, null],
  ]
  assert.deepEqual(envelopeOf({ envelope, ...index }), [null, null, from, from, from, to, cc, null, '<2@x>', '<1@x>'])
  assert.deepEqual(index.references, { messageId: '<1@x>', inReplyTo: ['<2@x>'], references: ['<3@x>', '<2@x>'] })
})

test('a message inside that ends within its header ends before the delimiter', () => {
  const raw = bytes(crlf(mixed('b'), '', '--b', 'Content-Type: message/rfc822', '', 'Subject: in', '--b--'))
  const part = partAt(indexMessage(raw), '1')!
  assert.equal(raw.toString('latin1', part.bodyStart, part.bodyEnd), 'Subject: in')
})

test('identifiers without brackets, with comments and in pieces', () => {
  const ids = (value: string) => indexMessage(bytes(`Message-ID: ${value}\r\n\r\n`)).references.messageId
  assert.equal(ids('abc@x.test'), '<abc@x.test>')
  assert.equal(ids('3a53c9f21a8e41f0'), '<3a53c9f21a8e41f0>')
  assert.equal(ids('[abc@x.test]'), '<[abc@x.test]>')
  assert.equal(ids('<12 @ mail(a comment) .x.test>'), '<12@mail.x.test>')
  assert.equal(ids('no identifier at all'), null)
  assert.equal(ids(''), null)
  const { references } = indexMessage(bytes('References: a@x.test b@x.test\r\n\r\n')).references
  assert.deepEqual(references, ['<a@x.test>', '<b@x.test>'])
})

test('above the limit of parts the rest is one part', () => {
  const raw = bytes(crlf(mixed('b'), '', '--b', '', '1', '--b', '', '2', '--b', '', '3', '--b--'))
  const index = indexMessage(raw, { maxParts: 3 })
  assert.deepEqual(tilingFaults(raw, index), [])
  assert.deepEqual(
    [...partsOf(index.root)].map(({ path, opaque }) => [path, opaque]),
    [
      ['', null],
      ['1', null],
      ['2', 'parts'],
    ],
  )
  assert.equal(raw.toString('latin1', partAt(index, '2')!.headerStart), crlf('', '2', '--b', '', '3', '--b--'))
  assert.equal(index.truncated, true)
})

test('above the depth a part is opaque, and outer delimiters still end it', () => {
  const raw = bytes(crlf(mixed('o'), '', '--o', mixed('i'), '', '--i', '', 'x', '--i--', '--o', '', 'y', '--o--'))
  const index = indexMessage(raw, { maxDepth: 2 })
  assert.deepEqual(
    [...partsOf(index.root)].map(({ path, opaque, declared }) => [path, opaque, declared]),
    [
      ['', null, null],
      ['1', 'depth', 'multipart/mixed'],
      ['2', null, null],
    ],
  )
  assert.deepEqual(tilingFaults(raw, index), [])
})

test('above the header limit the fields before it count, and the body is found', () => {
  const raw = bytes(crlf('Subject: kept', `X-Long: ${'x'.repeat(500)}`, 'To: a@x.test', '', 'body'))
  const index = indexMessage(raw, { maxHeaderBytes: 100 })
  assert.equal(index.envelope.subject, 'kept')
  assert.deepEqual(index.envelope.to, [])
  assert.equal(index.root.truncated && index.truncated, true)
  assert.equal(raw.toString('latin1', index.root.bodyStart, index.root.bodyEnd), 'body')
})

test('chunks may be overwritten after push', () => {
  const raw = bytes(crlf('Subject: abcdef', mixed('b'), '', '--b', '', 'x', '--b--', ''))
  const indexer = new MimeIndexer()
  const chunk = Buffer.alloc(3)
  for (let at = 0; at < raw.length; at += 3) indexer.push(chunk.subarray(0, raw.copy(chunk, 0, at, at + 3)))
  assert.deepEqual(indexer.finish(), indexMessage(raw))
})
