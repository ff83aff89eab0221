/** The server process relays through Debian's Postfix, which stores the composed bytes; other parsers read them correctly. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { composeMessage } from '@kabutar/core/messages/compose-message.ts'
import { getWholeSent } from '@kabutar/core/messages/read.ts'
import { directCompute } from '@kabutar/core/ports/compute.ts'
import { localBlobs } from '@kabutar/local/files/blobs.ts'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { type AddressObject, simpleParser } from 'mailparser'
import { type CreateEmailOptions, Resend } from 'resend'
import { type Server, startServer } from '../flows/support/server.ts'
import { installDebian } from './debian.ts'
import { type Postfix, startPostfix } from './postfix.ts'

/** A message as a parser reads it; attachments by SHA-256. */
type Read = {
  readonly subject: string
  readonly from: readonly [name: string, address: string]
  readonly to: readonly (readonly [name: string, address: string])[]
  readonly messageId: string
  readonly text: string
  readonly html: string
  readonly attachments: readonly (readonly [filename: string, type: string, sha256: string])[]
}

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
/** Has every octet, lines that start with a dot, and no line end at its end. */
const BINARY = Buffer.concat([Buffer.from('.\r\n..\n'), Buffer.from(Array.from({ length: 4096 }, (_, n) => n % 256))])
const LONG_LINE = `${'a line without an end '.repeat(100)}é`
const HTML = '<h1>Grüße, 世界 🕊</h1>\n<p>.dot <img src="cid:logo"></p>\n'
const from = '"Zoë \\"Z\\" Brontë" <zoe@kabutar.test>'

const cases: readonly { name: string; email: CreateEmailOptions; read: Partial<Read> }[] = [
  {
    name: 'plain text',
    email: {
      from: 'zoe@kabutar.test',
      to: 'plain@postfix.test',
      subject: 'Hello',
      text: 'One\n.two\n..\n.\nFrom me\n',
    },
    read: { subject: 'Hello', from: ['', 'zoe@kabutar.test'], text: 'One\n.two\n..\n.\nFrom me\n', attachments: [] },
  },
  {
    name: 'html, attachments and every script',
    email: {
      from,
      to: ['"Doe, Jürgen" <rich@postfix.test>'],
      subject: `Grüße an 世界 🕊 ${'und noch ein langer Betreff '.repeat(6).trim()}`,
      html: HTML,
      text: `Grüße\n${LONG_LINE}\n`,
      headers: { 'X-Order': '42', 'List-Unsubscribe': '<https://kabutar.test/u/1>' },
      attachments: [
        { filename: 'logo.png', content: PNG, contentId: 'logo' },
        { filename: 'Übersicht – 世界.bin', content: BINARY },
        { filename: 'plain.txt', content: Buffer.from('line\n.dot\n'), contentType: 'text/plain; charset=utf-8' },
      ],
    },
    read: {
      subject: `Grüße an 世界 🕊 ${'und noch ein langer Betreff '.repeat(6).trim()}`,
      from: ['Zoë "Z" Brontë', 'zoe@kabutar.test'],
      to: [['Doe, Jürgen', 'rich@postfix.test']],
      text: `Grüße\n${LONG_LINE}\n`,
      html: HTML,
      attachments: [
        ['logo.png', 'image/png', sha256(PNG)],
        ['plain.txt', 'text/plain', sha256(Buffer.from('line\n.dot\n'))],
        ['Übersicht – 世界.bin', 'application/octet-stream', sha256(BINARY)],
      ],
    },
  },
]
/** Postfix refuses it at RCPT and accepts the other two. */
const REFUSED = 'nobody@postfix.test'

describe('sending through Postfix', () => {
  let postfix: Postfix
  let server: Server
  let resend: Resend
  before(async () => {
    installDebian(['postfix', 'python3'])
    postfix = await startPostfix({ replies: { [REFUSED]: '550 5.1.1 No such user' } })
    server = await startServer({ env: { KABUTAR_RELAY: `smtp://127.0.0.1:${postfix.port}` } })
    resend = new Resend(server.apiKey, { baseUrl: server.url })
  })
  after(async () => {
    await server?.close()
    await postfix?.stop()
  })
  const stored = async (recipient: string, count: number) =>
    (await postfix.waitFor(count)).find((message) => message.recipient === recipient)?.raw ?? Buffer.alloc(0)
  const ids: string[] = []

  for (const [index, { name, email, read }] of cases.entries()) {
    test(`${name} is read as it was sent`, async () => {
      const { data, error } = await resend.emails.send(email)
      assert.equal(error, null)
      ids.push(data?.id ?? '')
      const recipient = index === 0 ? 'plain@postfix.test' : 'rich@postfix.test'
      const raw = await stored(recipient, index + 1)
      const expected = { messageId: `<${data?.id}@kabutar.test>`, ...read }
      for (const [reader, found] of [
        ['mailparser', await readByMailparser(raw)],
        ['Python', readByPython(raw)],
      ] as const) {
        for (const [fact, value] of Object.entries(expected))
          assert.deepEqual(found[fact as keyof Read], value, `${reader}: ${fact}`)
      }
    })
  }

  test('one of three recipients is refused: bounced, and the others sent', async () => {
    const to = ['first@postfix.test', REFUSED, 'third@postfix.test']
    const { data } = await resend.emails.send({ from, to, subject: 'To three', text: 'hi' })
    const id = data?.id ?? ''
    ids.push(id)
    const messages = await postfix.waitFor(cases.length + 2)
    const own = messages.filter(({ raw }) => raw.includes(`Message-ID: <${id}@`))
    assert.deepEqual(own.map(({ recipient }) => recipient).sort(), ['first@postfix.test', 'third@postfix.test'])
    assert.ok(own.every(({ returnPath }) => returnPath === `bounces+${id}@kabutar.test`))
    const email = await untilFinal(resend, id)
    assert.deepEqual(
      email.recipients.map(({ address, last_event }) => [address, last_event]),
      [
        ['first@postfix.test', 'sent'],
        [REFUSED, 'bounced'],
        ['third@postfix.test', 'sent'],
      ],
    )
    assert.equal(email.last_event, 'bounced')
  })

  test('every message is stored as it was composed, byte for byte', async () => {
    assert.equal(await server.stop(), 0)
    const messages = await postfix.messages()
    assert.equal(messages.length, cases.length + 2)
    for (const id of ids) {
      const composed = await composedAgain(server.dataFolder, id)
      const own = messages.filter(({ raw }) => raw.includes(`Message-ID: <${id}@`))
      assert.ok(own.length > 0)
      for (const { raw } of own) assert.ok(withoutTrace(raw).equals(composed), `${id} was changed`)
    }
  })
})

type Whole = { last_event: string; recipients: { address: string; last_event: string }[] }

async function untilFinal(resend: Resend, id: string): Promise<Whole> {
  for (let tries = 0; tries < 200; tries++) {
    const email = (await resend.emails.get(id)).data as unknown as Whole
    if (email.recipients.every(({ last_event }) => last_event !== 'queued')) return email
    await systemClock.sleep(50)
  }
  throw new Error(`${id} is still queued after 10 s`)
}

/** Composes the server's bytes again, from what is stored. */
async function composedAgain(folder: string, id: string): Promise<Buffer> {
  const engine = openEngine(folder)
  try {
    const table = sqliteTable(engine, systemClock)
    const blobs = localBlobs(engine, folder, { clock: systemClock, baseUrl: new URL('http://127.0.0.1') })
    const { message, content } = await getWholeSent({ table, blobs, compute: directCompute }, FIRST_ACCOUNT, id)
    assert.ok(content)
    return Buffer.from(await composeMessage(directCompute, message, content))
  } finally {
    engine.close()
  }
}

/** Removes the field that Postfix put on top. */
function withoutTrace(raw: Buffer): Buffer {
  const text = raw.toString('latin1')
  const trace = /^Received: .*\r\n([ \t].*\r\n)*/.exec(text)?.[0] ?? ''
  assert.match(trace, /mx\.postfix\.test \(Postfix\)/)
  return Buffer.from(text.slice(trace.length), 'latin1')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function readByMailparser(raw: Buffer): Promise<Read> {
  const mail = await simpleParser(raw, { skipImageLinks: true })
  const pairs = (addresses?: AddressObject | AddressObject[]) =>
    [addresses ?? []].flat().flatMap(({ value }) => value.map(({ name, address = '' }) => [name, address] as const))
  return {
    subject: mail.subject ?? '',
    from: pairs(mail.from)[0] ?? ['', ''],
    to: pairs(mail.to),
    messageId: mail.messageId ?? '',
    text: mail.text ?? '',
    html: mail.html || '',
    attachments: mail.attachments
      .map(({ filename = '', contentType, content }) => [filename, contentType, sha256(content)] as const)
      .sort(byName),
  }
}

const PYTHON = `
import sys, json, hashlib, email, email.policy
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
pairs = lambda name: [[a.display_name, a.addr_spec] for a in mail[name].addresses]
body = lambda kind: (lambda part: part.get_content().replace('\\r\\n', '\\n') if part else '')(mail.get_body((kind,)))
files = [p for p in mail.walk() if p.get_filename()]
print(json.dumps({
  'subject': mail['subject'], 'from': pairs('from')[0], 'to': pairs('to'), 'messageId': mail['message-id'],
  'text': body('plain'), 'html': body('html'),
  'attachments': [[p.get_filename(), p.get_content_type(), hashlib.sha256(p.get_payload(decode=True)).hexdigest()] for p in files],
  'defects': [str(d) for p in mail.walk() for d in p.defects],
}))
`

function readByPython(raw: Buffer): Read {
  const told = execFileSync('/usr/bin/python3', ['-c', PYTHON], { input: raw, encoding: 'utf8', timeout: 20_000 })
  const { defects, ...read } = JSON.parse(told) as Read & { defects: readonly string[] }
  assert.deepEqual(defects, [], 'Python finds defects')
  return { ...read, attachments: read.attachments.toSorted(byName) }
}

const byName = ([a]: readonly [string, string, string], [b]: readonly [string, string, string]) => (a < b ? -1 : 1)
