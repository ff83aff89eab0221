/** What applications and SDKs of other languages put into POST /emails. */
import { answered, base64, type Case, HEAD, mixed, octets } from './case.ts'
import { api, type CaseRig, deliver, readBack, receive, send } from './rig.ts'

const HTML = { from: 'ada@kabutar.test', to: ['bob@far.test'], subject: 's', html: '<p>x</p>' }
const TEXT = { from: 'ada@kabutar.test', to: 'bob@far.test', subject: 's', text: 't' }

/** POST /emails is accepted and the mail goes out. */
const accepted = (name: string, more: object) =>
  answered(name, async (rig) => (await send(rig, { ...HTML, ...more })).to, ['RCPT TO:<bob@far.test>'])
const attached = (name: string, attachment: object) =>
  answered(name, async (rig) => (await send(rig, { ...TEXT, attachments: [attachment] })).raw.includes('aGk='), true)

/** The SDK's emails.receiving.forward of a received message. */
const forwarded = (name: string, raw: Uint8Array) =>
  answered(
    name,
    async ({ captures, sdk }) => {
      const { id } = await receive(captures, raw)
      const from = { emailId: id, to: 'bob@far.test', from: 'ada@kabutar.test' }
      return (await sdk(captures).emails.receiving.forward(from)).error
    },
    null,
  )

const longestLine = (raw: Buffer) =>
  Math.max(
    ...raw
      .toString('latin1')
      .split('\r\n')
      .map(({ length }) => length),
  )
const wrapped = (name: string, body: string) =>
  answered(
    name,
    async ({ relays, nextHop, sdk }: CaseRig) => {
      const raw = octets(`From: eve@far.test\nTo: in@kabutar.test\nSubject: s\n\n${body}\n`)
      const { id } = await deliver(relays, raw)
      await readBack(relays, id)
      const options = {
        emailId: id,
        to: 'bob@far.test',
        from: 'ada@kabutar.test',
        passthrough: false,
        text: 'see',
      } as const
      const { data, error } = await sdk(relays).emails.receiving.forward(options)
      if (error) return error.message
      const relayed = await nextHop.waitFor(({ from }) => from.includes(data.id))
      return longestLine(relayed.raw) <= 998
    },
    true,
  )

/** The source of an attachment of a mail that is sent. */
async function attachmentOf(rig: CaseRig, attachment: object, more: object = {}): Promise<string> {
  return (await send(rig, { ...TEXT, ...more, attachments: [attachment] })).raw.toString('latin1')
}
const sourceHas = (name: string, attachment: object, parts: readonly (string | RegExp)[], more?: object) =>
  answered(
    name,
    async (rig) => {
      const source = await attachmentOf(rig, attachment, more)
      return parts.filter((part) => (typeof part === 'string' ? !source.includes(part) : !part.test(source)))
    },
    [],
  )

export const SENT_REQUESTS: readonly Case[] = [
  {
    id: '21',
    source:
      'suitenumerique/messages#767, suitenumerique/messages#489, 0x4447/0x4447_product_s3_email_lambda_converter#4',
    symptom: "the SDK's emails.receiving.forward fails on mail with an attachment that has no name",
    right: 'It is forwarded: the SDK posts `filename: null` for such a part, and null means none.',
    checks: [
      forwarded(
        'an invitation',
        mixed(
          'Content-Type: text/plain\n\nhi',
          'Content-Type: text/calendar; method=REQUEST; charset=utf-8\n\nBEGIN:VCALENDAR\nEND:VCALENDAR',
        ),
      ),
      forwarded(
        'a bounce',
        octets(
          `${HEAD}Content-Type: multipart/report; report-type=delivery-status; boundary=bb\n\n--bb\nContent-Type: text/plain\n\nfailed\n--bb\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; far.test\n\nFinal-Recipient: rfc822; x@y.test\nAction: failed\nStatus: 5.1.1\n\n--bb\nContent-Type: text/rfc822-headers\n\nSubject: orig\n--bb--\n`,
        ),
      ),
      forwarded(
        'PGP/MIME',
        octets(
          `${HEAD}Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=bb\n\n--bb\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--bb\nContent-Type: application/octet-stream; name=encrypted.asc\n\n-----BEGIN PGP MESSAGE-----\n--bb--\n`,
        ),
      ),
      forwarded(
        'an inline picture',
        mixed(
          'Content-Type: text/html\n\n<img src="cid:x@y">',
          'Content-Type: image/png\nContent-ID: <x@y>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=',
        ),
      ),
      forwarded(
        'a named pdf',
        mixed(
          'Content-Type: text/plain\n\nhi',
          'Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\naGk=',
        ),
      ),
    ],
  },
  {
    id: '29',
    source:
      'laravel/framework ResendTransport.php, resend/resend-laravel#38, elixir-saas/resend-elixir attachment.ex (nulls, path "")',
    symptom: 'a null, or the [] that PHP makes of an empty map, is refused with 422: no mail of Laravel gets through',
    right: "null means absent, and [] is an empty map: Laravel's own transport posts both with each mail.",
    checks: [
      accepted('an HTML mail of Laravel', { cc: [], bcc: [], reply_to: [], headers: [], text: null, attachments: [] }),
      accepted('text: null', { text: null }),
      accepted('html: null beside text', { html: null, text: 't' }),
      accepted('headers: []', { headers: [] }),
      accepted('headers: null', { headers: null }),
      accepted('cc, bcc, reply_to: null', { cc: null, bcc: null, reply_to: null }),
      accepted('tags, attachments: null', { tags: null, attachments: null }),
      accepted('scheduled_at, topic_id: null', { scheduled_at: null, topic_id: null }),
      accepted('an attachment with nulls and an empty path', {
        attachments: [{ filename: 'a.txt', content: 'aGk=', content_type: null, path: '', inline_content_id: null }],
      }),
      accepted('empty lists', { cc: [], bcc: [], reply_to: [], attachments: [], tags: [] }),
    ],
  },
  {
    id: '30',
    source: 'resend/resend-go#9, resend/resend-rust src/emails.rs (Vec<u8>), resend/resend-python with_attachments.py',
    symptom: 'attachments of the Go, Rust and Python SDKs are refused: their content is an array of numbers',
    right: 'It is taken, as is the object {type: "Buffer", data} of older Node SDKs.',
    checks: [
      attached('numbers', { filename: 'a.txt', content: [104, 105] }),
      attached('inline_content_id', { filename: 'a.png', content: 'aGk=', inline_content_id: 'x' }),
      attached('base64', { filename: 'a.txt', content: 'aGk=' }),
      attached('a Buffer', { filename: 'a.txt', content: { type: 'Buffer', data: [104, 105] } }),
    ],
  },
  {
    id: '35',
    source: 'resend/resend-dotnet#58, resend/resend-examples#62, jhillyerd/enmime#303, mikel/mail#1106',
    symptom: 'invitations, forwarded messages, empty files and names beyond ASCII arrive damaged as attachments',
    right:
      'text/calendar keeps its method; message/rfc822 is not put in base64 (RFC 2046 section 5.2.1); names are in the form of RFC 2231; a type that cannot be an attachment (multipart/…) does not hide the file.',
    checks: [
      sourceHas(
        'an invitation',
        {
          filename: 'invite.ics',
          content: base64('BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n'),
          content_type: 'text/calendar; method=REQUEST; charset=utf-8',
        },
        ['text/calendar; method=REQUEST; charset=utf-8'],
      ),
      sourceHas(
        'a message',
        {
          filename: 'fwd.eml',
          content: base64('From: x@y.test\r\nSubject: in\r\n\r\nbody\r\n'),
          content_type: 'message/rfc822',
        },
        [/message\/rfc822.*Content-Transfer-Encoding: 7bit.*Subject: in/s],
      ),
      sourceHas('an empty file', { filename: 'empty.txt', content: '' }, ['filename=empty.txt']),
      sourceHas('an emoji in the name', { filename: '📎 naïve.pdf', content: 'aGk=' }, [
        "filename*0*=utf-8''%F0%9F%93%8E%20na%C3%AFve.pdf",
      ]),
      sourceHas(
        'a picture in the text',
        { filename: 'p.png', content: 'aGk=', content_id: 'logo' },
        ['multipart/related', 'Content-ID: <logo>', 'Content-Disposition: inline'],
        { html: '<img src="cid:logo">' },
      ),
      answered(
        'multipart/mixed as the type is refused',
        async ({ relays }) => {
          const attachment = { filename: 'm.bin', content: base64('hello'), content_type: 'multipart/mixed' }
          return (await api(relays, 'POST', '/emails', { ...TEXT, attachments: [attachment] })).status
        },
        422,
      ),
    ],
  },
  {
    id: '51',
    source: 'the kind of jetmore/swaks#109, mikel/mail#1106, jhillyerd/enmime#303',
    symptom: 'a message that is forwarded as an attachment goes out as it came, with lines of any length',
    right: 'No line over 998 octets goes out (RFC 5322 section 2.1.1): such a message is attached in base64.',
    checks: [wrapped('a line of 5,000 octets', 'x'.repeat(5000)), wrapped('short lines', 'short')],
  },
]
