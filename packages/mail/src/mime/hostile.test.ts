import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyStructureOf, partAt } from '@kabutar/testing/body-structure.ts'
import { LIMITS } from '../limits.ts'
import { decodePart } from './decode.ts'
import { indexMessage } from './indexer.ts'
import { paramOf } from './params.ts'

const MB = 1024 * 1024
/** Of a processor, whatever else the machine does. */
const MAX_SECONDS = 10
/** Memory that the tree may take for a message of any size. */
const TREE_BYTES = 32 * MB

const fill = (text: string, size: number) => Buffer.alloc(size, text, 'latin1')
const join = (...pieces: readonly (string | Uint8Array)[]) =>
  Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)))
const repeat = (count: number, piece: (i: number) => string) =>
  join(Array.from({ length: count }, (_, i) => piece(i)).join(''))
const nested = (count: number) =>
  repeat(count, (i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n${i < count - 1 ? `--b${i}\n` : ''}`)

const CASES: readonly { name: string; raw: () => Buffer; parts?: number }[] = [
  { name: '100 multiparts in one another', raw: () => nested(100), parts: 100 },
  { name: '100,000 multiparts in one another', raw: () => nested(100_000), parts: LIMITS.maxDepth },
  { name: '100,000 messages in one another', raw: () => repeat(100_000, () => 'Content-Type: message/rfc822\n\n') },
  {
    name: '10,000 parts',
    raw: () => join('Content-Type: multipart/mixed; boundary=b\n\n', fill('--b\n\nx\n', 70_000)),
    parts: LIMITS.maxParts,
  },
  {
    name: '100,000 parts',
    raw: () => join('Content-Type: multipart/mixed; boundary=b\n\n', fill('--b\n\n', 500_000)),
    parts: LIMITS.maxParts,
  },
  { name: 'one header line of 1 MB', raw: () => join('Subject: ', fill('a', MB), '\n\nbody') },
  { name: '200,000 encoded words', raw: () => join('Subject: ', fill('=?utf-8?Q?x?= ', 14 * 200_000), '\n\n') },
  { name: 'a megabyte of opened angles', raw: () => join('To: ', fill('<a,', MB), '\n\n') },
  { name: 'a megabyte of opened comments', raw: () => join('To: ', fill('(', MB), '\n\n') },
  { name: 'a megabyte of opened groups', raw: () => join('To: ', fill('a:;', MB), '\n\n') },
  { name: 'a megabyte of quotes', raw: () => join('To: ', fill('"\\"', MB), '\n\n') },
  { name: 'a megabyte of parameters', raw: () => join('Content-Type: text/plain', fill('; a*0*=b', MB), '\n\n') },
  { name: 'a megabyte of identifiers', raw: () => join('References: ', fill('<', MB), '\n\n') },
  { name: '40 MB of header without end', raw: () => fill('X: y\n', 40 * MB), parts: 1 },
  { name: '40 MB without a line break', raw: () => fill('-', 40 * MB), parts: 1 },
  {
    name: '40 MB of line feeds',
    raw: () => join('Content-Type: multipart/mixed; boundary=b\n\n--b\n', fill('\n', 40 * MB)),
  },
  {
    name: '40 MB of base64',
    raw: () => join('Content-Transfer-Encoding: base64\n\n', fill(`${'A'.repeat(76)}\r\n`, 40 * MB)),
  },
  {
    name: '40 MB of delimiters',
    raw: () => join('Content-Type: multipart/mixed; boundary=b\n\n', fill('--b\n', 40 * MB)),
    parts: LIMITS.maxParts,
  },
  {
    name: '40 MB of almost delimiters, 99 boundaries open',
    raw: () => join(nested(99), '--b98\n\n', fill('--bx\n', 40 * MB)),
  },
  { name: '40 MB of dashes and breaks', raw: () => join(nested(99), '--b98\n\n', fill('--\n-\n', 40 * MB)) },
]

for (const { name, raw: make, parts } of CASES) {
  test(`bounded: ${name}`, (t) => {
    const raw = make()
    const before = process.memoryUsage().rss
    const start = process.cpuUsage()
    const index = indexMessage(raw)
    const { user, system } = process.cpuUsage(start)
    const seconds = (user + system) / 1_000_000
    const grown = Math.max(0, process.memoryUsage().rss - before)
    t.diagnostic(
      `${(raw.length / MB).toFixed(1)} MB: ${(seconds * 1000).toFixed(1)} ms, memory +${(grown / MB).toFixed(1)} MB, ${index.parts} parts`,
    )
    assert.ok(seconds < MAX_SECONDS)
    assert.ok(grown <= 3 * raw.length + TREE_BYTES)
    assert.equal(index.root.bodyEnd, raw.length)
    if (parts !== undefined) assert.equal(index.parts, parts)
    assert.ok(JSON.stringify(bodyStructureOf(index)).length < 2 * MB)
  })
}

test('bounded: decoding 10 MB of broken escapes', (t) => {
  const start = performance.now()
  for (const [piece, encoding] of [
    ['AA=', 'base64'],
    ['=', 'quoted-printable'],
    ['= \t', 'quoted-printable'],
    [' ', 'quoted-printable'],
  ] as const) {
    const size = decodePart(fill(piece, 10 * MB), encoding).length
    assert.ok(size <= 10 * MB)
  }
  t.diagnostic(`${(performance.now() - start).toFixed(0)} ms`)
})

test('winmail.dat is an attachment like others', () => {
  const raw = join(
    'Content-Type: application/ms-tnef; name="winmail.dat"\nContent-Transfer-Encoding: base64\n\neJ8+IgAA\n',
  )
  const part = partAt(indexMessage(raw), '1')
  assert.deepEqual([part?.type, part?.subtype], ['application', 'ms-tnef'])
  assert.equal(paramOf(part?.params ?? [], 'name'), 'winmail.dat')
})
