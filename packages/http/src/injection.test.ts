/** Line ends, dots and NUL in every place of a message to send: at the next hop it is one message with our fields alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { drain } from '@kabutar/testing/sending-rig.ts'

/** Servers have taken each of these for the end of a message, or of a line. */
const ENDS = [
  '\n.\n',
  '\n.\r\n',
  '\r.\r',
  '\r.\r\n',
  '\r\n.\r',
  '\r\n.\n',
  '\r\n.\r\n',
  '\r\n\0.\r\n',
  '\r\n.\0\r\n',
  '\n\r.\r\n',
  '\r\r\n.\r\n',
  '\r\n..\r\n',
  '\x85.\x85',
  '\u2028.\u2028',
  '\x0b.\x0b',
  '\x0c.\x0c',
]
const TYPES = [
  'text/plain',
  'text/plain; charset=utf-8',
  'message/rfc822',
  'message/delivery-status',
  'message/partial; number=1; total=2; id=x',
  'message/global',
  'message/external-body; access-type=local-file',
  'multipart/mixed; boundary=x',
  'multipart/alternative; boundary="x"',
  'application/octet-stream',
]
const smuggled = (end: string) =>
  `a${end}MAIL FROM:<evil@evil.test>\r\nRCPT TO:<v@v.test>\r\nDATA\r\nFrom: evil\r\n\r\nsmuggled${end}b`
const file = (end: string, fields: object) => ({
  attachments: [{ filename: 'f.txt', content: Buffer.from(smuggled(end), 'latin1').toString('base64'), ...fields }],
})
const header = (name: string, value: string) => ({ headers: { [name]: value } })

const placesOf = (end: string): readonly object[] => [
  { text: smuggled(end) },
  { html: smuggled(end), text: undefined },
  { html: `<p>${smuggled(end)}`, text: smuggled(end) },
  { text: `é${smuggled(end)}` },
  { subject: smuggled(end) },
  { from: `"a${end}b" <ada@kabutar.test>` },
  { to: `"a${end}Bcc: q@q" <x@far.test>` },
  { reply_to: `a${end}b@x.test` },
  header('X-A', `a${end}X-Inj: 1`),
  header(`X-A${end}X-Inj`, '1'),
  header('References', `<a@b>${end}X-Inj: 1`),
  header('List-Unsubscribe', `<mailto:a@b>${end}X-Inj: 1`),
  ...TYPES.map((content_type) => file(end, { content_type })),
  file(end, { filename: `f${end}X-Inj: 1.txt` }),
  file(end, { content_id: `c${end}X-Inj: 1` }),
  file(end, { content_type: `text/plain${end}X-Inj: 1` }),
]
const BASE = { from: 'Ada <ada@kabutar.test>', to: 'x@far.test', subject: 's', text: 't' }

/** Says what is wrong with the octets that go to the next hop. */
function faultsOf(raw: string): readonly string[] {
  const [head = ''] = raw.split('\r\n\r\n')
  const names = head
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .map((line) => (line.split(':')[0] ?? '').toLowerCase())
  const faults: Readonly<Record<string, boolean>> = {
    'a bare LF': /(?<!\r)\n/.test(raw),
    'a bare CR': /\r(?!\n)/.test(raw),
    NUL: raw.includes('\0'),
    'a line of more than 998': raw.split('\r\n').some((line) => line.length > 998),
    'a field that was put in': names.some((name) => /evil|bcc|x-inj/.test(name)),
    'a field twice': new Set(names).size < names.length,
    '8 bit in the header': /[\x80-\xff]/.test(head),
  }
  return Object.keys(faults).filter((name) => faults[name])
}

/** Sends a message that is accepted or refused, and answers which. What goes to the next hop is one message without faults. */
async function sent(rig: Setup, fields: object, recipients = ['x@far.test']): Promise<boolean> {
  const what = JSON.stringify(fields).slice(0, 200)
  const { relayed } = rig.ports.relay
  const before = relayed.length
  const { status } = await call(rig, 'POST /emails', { ...BASE, ...fields })
  assert.ok(status === 200 || (status >= 400 && status < 500), `${status} ${what}`)
  await drain(rig.ports)
  assert.equal(relayed.length - before, status === 200 ? 1 : 0, what)
  if (status !== 200) return false
  const one = relayed.at(-1)
  assert.deepEqual(one?.recipients, recipients, what)
  assert.deepEqual(faultsOf(Buffer.from(one?.raw ?? []).toString('latin1')), [], what)
  return true
}

test('nothing in a request adds a field, a line end or a second message', async (t) => {
  const rig = await setup()
  const places = ENDS.flatMap(placesOf)
  for (const place of places) await sent(rig, place)
  t.diagnostic(`${places.length} messages, ${rig.ports.relay.relayed.length} accepted`)
  assert.equal(places.length, 400)
  assert.ok(rig.ports.relay.relayed.length > 100)
})

const ACCEPTED_NAMES = [
  ...['constructor', 'toString', 'X-MS-Exchange', 'Apparently-To', 'Errors-To', 'X-Envelope-To', 'X-Original-To'],
  ...['Mail-Followup-To', 'Disposition-Notification-To', 'Feedback-ID', 'X-PM-Tag', 'X-Mailgun-Variables', 'X-MC-Tags'],
  ...['X-SMTPAPI', 'x-smtpapi'],
]
const REFUSED_NAMES = [
  ...[
    'From',
    'from',
    'FROM ',
    'Bcc',
    'bcc',
    'Bcc ',
    'Sender',
    'Return-Path',
    'To',
    'Cc',
    'Reply-To',
    'Date',
    'Subject',
  ],
  ...['X-SES-CONFIGURATION-SET', 'Content-Type', 'Content-Transfer-Encoding', 'MIME-Version', 'Message-ID'],
  ...['Message-Id', 'DKIM-Signature', 'ARC-Seal', 'Resent-To', 'Received', 'Delivered-To', 'Authentication-Results'],
  ...['__proto__', 'X:Y', 'X Y', '', 'X-é', `X-${'a'.repeat(80)}`, '\u212aey'],
]

test('47 names of custom fields: those of the envelope, the structure and the trace are refused', async () => {
  const rig = await setup()
  assert.equal(ACCEPTED_NAMES.length + REFUSED_NAMES.length, 47)
  for (const name of ACCEPTED_NAMES) assert.ok(await sent(rig, named(name)), name)
  for (const name of REFUSED_NAMES) assert.ok(!(await sent(rig, named(name))), name)
})

/** A literal would take `__proto__` for the prototype. */
const named = (name: string) => ({ headers: JSON.parse(`{${JSON.stringify(name)}:"v@v.test"}`) as object })

const attached = (fields: object, content: string | Uint8Array = 'a') => ({
  attachments: [{ content: Buffer.from(content as string).toString('base64'), ...fields }],
})
const original = (content: string) =>
  attached({ filename: 'm.eml', content_type: 'message/rfc822' }, Buffer.from(`Subject: x\r\n\r\n${content}`, 'latin1'))
const many = Array.from({ length: 49 }, (_, n) => `x${n}@far.test`)

const LONG_OR_ODD: readonly (readonly [name: string, fields: object, accepted: boolean])[] = [
  ['a value of 8,192 without a blank', header('X-A', 'a'.repeat(8192)), false],
  ['38 References', header('References', `<${'a'.repeat(200)}@x> `.repeat(38)), true],
  ['a subject of 998', { subject: 'a'.repeat(998) }, true],
  ['a subject of 998 blanks', { subject: ' '.repeat(998) }, true],
  ['a subject of 998 beyond ASCII', { subject: 'é'.repeat(998) }, true],
  ['a line of text of 200,000', { text: 'a'.repeat(200_000) }, true],
  ['a line of HTML of 200,000', { html: 'a'.repeat(200_000) }, true],
  ['a file name of 255', attached({ filename: 'a'.repeat(255) }), true],
  ['a file name that turns round', attached({ filename: 'é"\\;=\u202e.exe' }), true],
  ['an attached message with a line of 5,000', original('a'.repeat(5000)), true],
  ['an attached message of eight bits', original('\xe9\r\n'), true],
  ['49 names of 200', { to: many.map((address) => `"${'n'.repeat(200)}" <${address}>`) }, true],
  ['halves of surrogate pairs', { subject: 'a\ud800b', text: 'a\udc00b', headers: { 'X-A': '\ud800' } }, true],
  ['a tab in the subject', { subject: 'a\tb' }, true],
  ['a value of a tab', header('X-A', '\t'), true],
  ['an empty subject', { subject: '' }, true],
  ['an empty value', header('X-A', ''), true],
  ['a value of blanks', header('X-A', '   '), true],
  ['an encoded word with a field, as the subject', { subject: '=?utf-8?B?DQpCY2M6IHZAdi50ZXN0?=' }, true],
  ['an encoded word with a field, as a value', header('X-A', '=?utf-8?B?DQpYLUluajogMQ==?='), true],
]

test('20 long and odd values', async () => {
  const rig = await setup()
  assert.equal(LONG_OR_ODD.length, 20)
  for (const [name, fields, accepted] of LONG_OR_ODD) {
    assert.equal(await sent(rig, fields, name.startsWith('49') ? many : ['x@far.test']), accepted, name)
  }
})
