import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyStructureOf, envelopeOf } from '@kabutar/testing/body-structure.ts'
import fc from 'fast-check'
import { readBytes } from '../read/message.ts'
import { decodeChunks, decodePart } from './decode.ts'
import { listFields } from './fields.ts'
import { indexMessage, MimeIndexer } from './indexer.ts'
import { partsOf } from './part.ts'
import { attachmentParts } from './readable.ts'
import { tilingFaults } from './tiling.contract.ts'

const SEED = { seed: 20261122, numRuns: 400 }
const ENCODINGS = ['base64', 'quoted-printable', '7bit', 'x-other']

const VALID = [
  'From: "A" <a@x.test>, =?utf-8?Q?B=C3=A9?= <b@y.test>',
  'Subject: =?iso-8859-1?B?6Q==?= x',
  'References: <1@x> <2@x>',
  'Content-Type: multipart/mixed; boundary="outer"',
  '',
  'preamble',
  '--outer',
  'Content-Type: multipart/alternative; boundary=outer2',
  '',
  '--outer2',
  'Content-Type: text/plain; charset=utf-8; format=flowed',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'caf=C3=A9 =',
  'soft',
  '--outer2',
  'Content-Type: text/html',
  '',
  '<style>x</style><p>caf&eacute; &amp; more',
  '--outer2--',
  '',
  '--outer',
  'Content-Type: application/pdf; name*0*=utf-8\'\'a%20; name*1="b.pdf"',
  'Content-Disposition: attachment; filename="=?utf-8?B?w6k=?="',
  'Content-Transfer-Encoding: base64',
  '',
  'AAECAwQF',
  'BgcICQ==',
  '--outer',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  'Content-Type: multipart/digest; boundary=in',
  '',
  '--in',
  '',
  'To: Team: c@z.test, d@z.test;',
  '',
  'text',
  '--in--',
  '--outer--',
  '',
].join('\r\n')

/** Bytes cut out of the message, doubled, replaced, or put elsewhere; breaks of all kinds. */
const mutated = fc
  .array(
    fc.tuple(
      fc.nat(VALID.length),
      fc.nat(40),
      fc.constantFrom(
        '',
        '\r\n',
        '\n',
        '\r',
        '--outer',
        '--outer2--\r\n',
        '\r\n\r\n',
        '--',
        '"',
        '(',
        '=',
        '\0',
        '\xff',
        ';',
        ':',
        '<',
        'Content-Type: multipart/mixed; boundary=outer\r\n',
      ),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((edits) =>
    Buffer.from(
      edits.reduce((text, [at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut), VALID),
      'latin1',
    ),
  )

/** Few letters, so that delimiters and breaks meet often. */
const dense = fc
  .array(
    fc.constantFrom(
      '\r\n',
      '\n',
      '\r',
      '--b',
      '--b--',
      '--c',
      ' ',
      'x',
      'Content-Type: multipart/mixed; boundary=b\n',
      'Content-Type: multipart/x; boundary=c\n',
      'Content-Type: message/rfc822\n',
      '\n\n',
    ),
    { maxLength: 60 },
  )
  .map((tokens) => Buffer.from(tokens.join(''), 'latin1'))

const anything = fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated, dense)

test('any bytes have an index whose ranges tile them, and everything derived from it is well-formed', () => {
  fc.assert(
    fc.property(anything, (raw) => {
      const index = indexMessage(raw)
      assert.deepEqual(tilingFaults(raw, index), [])
      assert.deepEqual(JSON.parse(JSON.stringify(index)), index)
      envelopeOf(index)
      bodyStructureOf(index)
      listFields(raw, 1000)
      const paths = new Set([...partsOf(index.root)].map(({ path }) => path))
      for (const { path } of attachmentParts(index)) assert.ok(paths.has(path))
    }),
    SEED,
  )
})

test('any bytes are read, to JSON that a database takes', async () => {
  await fc.assert(
    fc.asyncProperty(anything, async (raw) => {
      const reading = await readBytes(indexMessage(raw), raw)
      const json = JSON.stringify(reading)
      assert.deepEqual(JSON.parse(json), reading)
      assert.doesNotMatch(json, /\\u0000|\\ud[89a-f]/i)
      assert.ok(reading.preview.length <= 400)
    }),
    SEED,
  )
})

test('limits hold, and ranges tile above them too', () => {
  fc.assert(
    fc.property(anything, fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 4 }), (raw, maxParts, maxDepth) => {
      const index = indexMessage(raw, { maxParts, maxDepth, maxHeaderBytes: 200 })
      assert.deepEqual(tilingFaults(raw, index), [])
      assert.ok(index.parts <= maxParts)
    }),
    SEED,
  )
})

test('chunks give the same index as the whole', () => {
  fc.assert(
    fc.property(anything, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), (raw, sizes) => {
      const indexer = new MimeIndexer()
      for (let at = 0, i = 0; at < raw.length; i++) {
        const size = sizes[i % sizes.length]!
        indexer.push(raw.subarray(at, at + size))
        at += size
      }
      assert.deepEqual(indexer.finish(), indexMessage(raw))
    }),
    SEED,
  )
})

test('decoding in chunks equals decoding the whole', async () => {
  const text = fc.array(
    fc.constantFrom('A', 'QUJD', '=', '==', '=3D', '=\r\n', ' ', '\t', '\r', '\n', '\r\n', '=e', '~', '-_'),
    { maxLength: 40 },
  )
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.constantFrom(...ENCODINGS),
      fc.integer({ min: 1, max: 7 }),
      async (tokens, encoding, size) => {
        const raw = Buffer.from(tokens.join(''), 'latin1')
        const chunks = Array.from({ length: Math.ceil(raw.length / size) }, (_, i) =>
          raw.subarray(i * size, (i + 1) * size),
        )
        const decoded: Uint8Array[] = []
        for await (const bytes of decodeChunks(chunks, encoding)) decoded.push(bytes)
        assert.equal(
          Buffer.concat(decoded).toString('latin1'),
          Buffer.from(decodePart(raw, encoding)).toString('latin1'),
        )
      },
    ),
    SEED,
  )
})

test('decoding reverses encoding', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (content) => {
      const lines = Buffer.from(content).toString('base64').replace(/.{76}/g, '$&\r\n')
      assert.deepEqual(new Uint8Array(decodePart(Buffer.from(lines), 'base64')), content)
      const quoted = Array.from(content, (byte) => `=${byte.toString(16).padStart(2, '0').toUpperCase()}`).join('')
      assert.deepEqual(
        new Uint8Array(decodePart(Buffer.from(quoted.replace(/(?:=..){25}/g, '$&=\r\n')), 'quoted-printable')),
        content,
      )
    }),
    SEED,
  )
})
