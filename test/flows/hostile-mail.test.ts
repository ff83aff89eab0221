/**
 * Receives malformed and hostile mail and reads it back: each message is stored byte for byte and can be read through the
 * unmodified SDK, whatever is wrong with it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Resend } from 'resend'
import { listReceived, rawOf } from './support/inbox.ts'
import { type Server, startServer } from './support/server.ts'

const MB = 1024 * 1024
/** The largest message (SIZE), less than one line. */
const MOST = 40 * MB - 100

const latin = (...lines: readonly string[]) => Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1')
const filled = (head: string, line: string, size: number) =>
  Buffer.concat([Buffer.from(head), Buffer.alloc(Math.floor((size - head.length) / line.length) * line.length, line)])
const nested = (depth: number) =>
  Array.from({ length: depth }, (_, n) => [`Content-Type: multipart/mixed; boundary=b${n}`, '', `--b${n}`]).flat()

type Wanted = {
  readonly name: string
  readonly raw: () => Buffer
  readonly subject?: string
  readonly text?: RegExp
  readonly files?: readonly string[]
}

const MAIL: readonly Wanted[] = [
  { name: 'nothing at all', raw: () => Buffer.alloc(0), subject: '' },
  { name: 'a body without a header', raw: () => latin('', 'hello'), text: /hello/ },
  {
    name: 'winmail.dat',
    raw: () =>
      latin(
        'Subject: tnef',
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        '',
        'see the file',
        '--b',
        'Content-Type: application/ms-tnef; name="winmail.dat"',
        'Content-Transfer-Encoding: base64',
        '',
        'eJ8+IgAA',
        '--b--',
      ),
    subject: 'tnef',
    files: ['winmail.dat'],
  },
  {
    name: 'a charset that nobody knows, and bytes that are none of it',
    raw: () => latin('Subject: charset', 'Content-Type: text/plain; charset=klingon-8', '', 'caf\xe9 \xff\xfe'),
    subject: 'charset',
    text: /caf/,
  },
  {
    name: 'a charset that is not the one it says',
    raw: () => latin('Subject: lie', 'Content-Type: text/plain; charset=utf-8', '', 'na\xefve'),
    subject: 'lie',
    text: /na.*ve/,
  },
  {
    name: 'names in encoded words and in RFC 2231 pieces',
    raw: () =>
      latin(
        'Subject: =?utf-8?B?R3LDvMOfZQ==?= =?iso-8859-1?Q?_aus_K=F6ln?=',
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Type: application/octet-stream; name="=?utf-8?Q?=C3=A4.bin?="',
        '',
        'x',
        '--b',
        'Content-Disposition: attachment;',
        " filename*0*=utf-8''b%c3%bc;",
        ' filename*1*=cher%20;',
        ' filename*2="list.txt"',
        '',
        'x',
        '--b--',
      ),
    subject: 'Grüße aus Köln',
    files: ['ä.bin', 'bücher list.txt'],
  },
  { name: 'eight bits in the header', raw: () => latin('Subject: gr\xc3\xbc\xc3\x9fe', '', 'x'), subject: 'grüße' },
  {
    name: 'a multipart without its boundary',
    raw: () => latin('Subject: lost', 'Content-Type: multipart/mixed; boundary=b', '', 'the only line'),
    subject: 'lost',
  },
  {
    name: 'a multipart that names no boundary',
    raw: () => latin('Subject: unnamed', 'Content-Type: multipart/mixed', '', '--b', '', 'x', '--b--'),
    subject: 'unnamed',
  },
  { name: '100 levels of parts', raw: () => latin('Subject: deep', ...nested(100), '', 'bottom'), subject: 'deep' },
  {
    name: '10,000 parts',
    raw: () =>
      filled('Subject: many\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n', '--b\r\n\r\nx\r\n', 100_000),
    subject: 'many',
  },
  { name: 'a header line of 1 MB', raw: () => latin(`X-Long: ${'a'.repeat(MB)}`, 'Subject: long', '', 'x') },
  {
    name: '40 MB of text',
    raw: () => filled('Subject: large\r\n\r\n', `${'x'.repeat(76)}\r\n`, MOST),
    subject: 'large',
  },
  {
    name: '40 MB in one attachment',
    raw: () =>
      filled(
        'Subject: file\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n',
        `${'A'.repeat(76)}\r\n`,
        MOST,
      ),
    subject: 'file',
    files: ['a.zip'],
  },
]

describe('malformed mail is stored and can be read', () => {
  let server: Server
  let resend: Resend
  before(async () => {
    server = await startServer()
    resend = new Resend(server.apiKey, { baseUrl: server.url })
  })
  after(async () => {
    await server?.close()
  })

  const seen = new Set<string>()
  /** Answers the id of the one message that was received since the last call. */
  const next = async (): Promise<string> => {
    for (let tries = 0; tries < 600; tries++) {
      const [fresh] = (await listReceived(server)).filter(({ id }) => !seen.has(id))
      if (fresh !== undefined) {
        seen.add(fresh.id)
        return fresh.id
      }
      await sleep(100)
    }
    throw new Error('waited a minute for the message')
  }

  for (const { name, raw: make, subject, text, files } of MAIL) {
    test(name, { timeout: 120_000 }, async () => {
      const raw = make()
      await server.receive(raw, ['ada@kabutar.test'])
      const id = await next()
      assert.ok((await rawOf(server, id)).equals(raw), 'the bytes are others')
      const { data, error } = await resend.emails.receiving.get(id)
      assert.equal(error, null)
      if (subject !== undefined) assert.equal(data?.subject, subject)
      if (text !== undefined) assert.match(data?.text ?? '', text)
      if (files !== undefined)
        assert.deepEqual(
          data?.attachments.map(({ filename }) => filename),
          files,
        )
    })
  }
})
