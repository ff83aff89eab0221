import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_READING_JSON_BYTES } from '../limits.ts'
import { indexMessage } from '../mime/indexer.ts'
import { readBytes } from './message.ts'

const MB = 1024 * 1024
/** Of a processor, whatever else the machine does. */
const MAX_SECONDS = 1
const MAX_GROWN_BYTES = 150 * MB
const HEADER_BYTES = 250_000

const join = (...pieces: readonly (string | Uint8Array)[]) =>
  Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)))
const fill = (text: string, size: number) => Buffer.alloc(size, text, 'latin1')
const repeat = (count: number, piece: (i: number) => string) =>
  Buffer.from(Array.from({ length: count }, (_, i) => piece(i)).join(''), 'latin1')
const body = (type: string, text: string, megabytes: number) =>
  join(`Content-Type: ${type}\r\n\r\n`, fill(text, megabytes * MB))
const header = (before: string, text: string) => join(before, fill(text, HEADER_BYTES), '\r\n\r\nx')
const beside = (first: string, second: string, text: string) =>
  join(
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: ${first}\r\n\r\nx\r\n`,
    `--b\r\nContent-Type: ${second}\r\n\r\n`,
    fill(text, 20 * MB),
  )

const HOSTILE: Readonly<Record<string, () => Buffer>> = {
  '10,000 multiparts in one another': () =>
    repeat(10_000, (i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`),
  '100,000 parts': () =>
    join(
      'Content-Type: multipart/mixed; boundary=b\n\n',
      repeat(100_000, () => '--b\n\nx\n'),
    ),
  'a digest of 1,000 messages': () =>
    join(
      'Content-Type: multipart/digest; boundary=b\n\n',
      repeat(1000, () => '--b\n\nFrom: a@b.test\n\ny\n'),
    ),
  '1,000 attachments': () =>
    join(
      'Content-Type: multipart/mixed; boundary=b\n\n',
      repeat(1000, (i) => `--b\nContent-Type: application/pdf; name="=?utf-8?Q?${i}=C3=A9?="\n\nQUJD\n`),
    ),
  '999 names of 25,000 control characters': () =>
    join(
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n',
      repeat(999, () => `--b\r\nContent-Type: a/b; name="${'\u0001'.repeat(25_000)}"\r\n\r\n\r\n`),
    ),
  'a digest of 400 messages with 6 x 2,000 addresses': () => {
    const fields = ['To', 'Cc', 'Bcc', 'From', 'Sender', 'Reply-To'].map((name) => `${name}: ${'a,'.repeat(2000)}\r\n`)
    const part = `--b\r\n\r\n${fields.join('')}\r\nx\r\n`
    return join(
      'Content-Type: multipart/digest; boundary=b\r\n\r\n',
      repeat(400, () => part),
    )
  },
  '100,000 header lines': () =>
    join(
      repeat(100_000, (i) => `X-${i}: v\r\n`),
      '\r\n',
    ),
  '20,000 To lines': () =>
    join(
      repeat(20_000, () => 'To: a@b\r\n'),
      '\r\n',
    ),
  'a field of 1.1 MB': () => join('Subject: ', fill('a', 1_100_000), '\r\n\r\nb'),
  'encoded words of two sets': () => header('Subject: ', '=?utf-8?Q?x?= =?latin1?B?eA==?= '),
  'encoded words that do not end': () => header('Subject: ', '=?utf-8?Q?x'),
  'encoded words in To': () => header('To: ', '=?utf-8?Q?x?=,'),
  'opened angles': () => header('To: ', '<a,'),
  'opened comments': () => header('To: ', '('),
  'groups in groups': () => header('To: ', 'a:'),
  'quotes and backslashes': () => header('To: ', '"\\"'),
  'addresses without commas': () => header('To: ', 'a<b@c>'),
  'names without addresses': () => header('To: ', 'ab, '),
  '60,000 addresses': () => header('To: ', 'a@b,'),
  'bytes beyond ASCII': () => header('To: ', '\xe9 '),
  'pieces of a parameter': () => header('Content-Type: text/plain', '; a*0*=b'),
  'parameters without semicolons': () => header('Content-Type: text/plain; ', 'a=b '),
  'blanks in a parameter': () => header('Content-Type: text/plain; a=', ' b'),
  'encoded words in a file name': () => header('Content-Disposition: attachment; filename="', '=?utf-8?Q?x?= '),
  '8 MB of < in HTML': () => body('text/html', '<', 8),
  '8 MB of <meta': () => body('text/html', '<meta ', 8),
  'lists of HTML after a plain part': () => beside('text/plain', 'text/html', '<ul><li>'),
  'plain text after HTML': () => beside('text/html', 'text/plain', '<\n\n'),
  '20 MB of empty lines': () => body('text/plain', '\r\n', 20),
  '20 MB of line feeds': () => body('text/plain', '\n', 20),
  '14 MB of flowed lines': () => body('text/plain; format=flowed', 'x \r\n', 14),
  '14 MB of flowed quotes': () => body('text/plain; format=flowed; delsp=yes', '> \r\n>> \r\n', 14),
  '300 boundaries in 300,000 lines': () =>
    join(
      repeat(90, (i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`),
      repeat(300_000, (i) => `--b${i % 300}x\n`),
    ),
  'ISO-2022-JP': () => body('text/plain; charset=iso-2022-jp', '\x1b$B2q\x1b(B', 20),
  'GB 18030': () => body('text/plain; charset=gb18030', '\x94\x39\xda\x33', 20),
  'UTF-7': () => body('text/plain; charset=utf-7', '+AOk-', 20),
  HZ: () => body('text/plain; charset=hz-gb-2312', '~{VP~}', 20),
  NUL: () => body('text/plain', '\0', 20),
  'control characters in texts of two forms': () => beside('text/plain', 'text/html', '\x01'),
}

const warmUp = readBytes(indexMessage(Buffer.from('x')), Buffer.from('x'))

for (const [name, make] of Object.entries(HOSTILE)) {
  test(`read within bounds: ${name}`, async (t) => {
    await warmUp
    const raw = make()
    let peak = process.memoryUsage().rss
    const before = peak
    const sampler = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss)
    }, 5)
    const start = process.cpuUsage()
    const index = indexMessage(raw)
    const reading = await readBytes(index, raw)
    const { user, system } = process.cpuUsage(start)
    clearInterval(sampler)
    const grown = Math.max(peak, process.memoryUsage().rss) - before
    t.diagnostic(`${((user + system) / 1000).toFixed(0)} ms, memory +${(grown / MB).toFixed(0)} MB`)
    assert.ok(user + system < MAX_SECONDS * 1_000_000)
    assert.ok(grown < MAX_GROWN_BYTES)
    assert.ok(JSON.stringify(index).length < 3 * MB)
    assert.ok(Buffer.byteLength(JSON.stringify({ index, reading })) < MAX_READING_JSON_BYTES)
  })
}
