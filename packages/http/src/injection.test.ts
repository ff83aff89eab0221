/** Line ends, dots and NUL in every place of a message to send: at the next hop it is one message with our fields alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, setup } from '@kabutar/testing/http-rig.ts'
import { drain } from '@kabutar/testing/sending-rig.ts'

/** What servers have taken for the end of a message, or of a line. */
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

test('nothing in a request adds a field, a line end or a second message', async (t) => {
  const rig = await setup()
  const { relayed } = rig.ports.relay
  let tries = 0
  for (const end of ENDS) {
    for (const place of placesOf(end)) {
      tries++
      const what = JSON.stringify(place).slice(0, 200)
      const { status } = await call(rig, 'POST /emails', { ...BASE, ...place })
      assert.ok(status === 200 || (status >= 400 && status < 500), `${status} ${what}`)
      const before = relayed.length
      await drain(rig.ports)
      assert.equal(relayed.length - before, status === 200 ? 1 : 0, what)
      if (status !== 200) continue
      const one = relayed.at(-1)
      assert.deepEqual(one?.recipients, ['x@far.test'], what)
      assert.deepEqual(faultsOf(Buffer.from(one?.raw ?? []).toString('latin1')), [], what)
    }
  }
  t.diagnostic(`${tries} messages, ${relayed.length} accepted`)
  assert.ok(tries >= 400 && relayed.length > 100)
})
