/** Commands and octets that other servers send by SMTP, and replies that next hops give. */
import { answered, type Case, octets } from './case.ts'
import { api, type CaseRig, converse, deliver, send } from './rig.ts'

const EHLO = 'EHLO far.test'
/** The code of the last reply. */
const replies = (name: string, steps: readonly (string | Uint8Array)[], code: string) =>
  answered(
    name,
    async ({ captures }) => {
      const last = (await converse(captures, [EHLO, ...steps])).at(-1) ?? ''
      return last.startsWith(code) ? code : last
    },
    code,
  )
const from = (address: string) => replies(`MAIL FROM:<${address}>`, [`MAIL FROM:<${address}>`], '250')
const to = (address: string) => replies(`RCPT TO:<${address}>`, ['MAIL FROM:<>', `RCPT TO:<${address}>`], '250')
const sentTo = (address: string, path = address) =>
  answered(
    `POST /emails to ${address}`,
    async (rig) => {
      const email = { from: 'ada@kabutar.test', to: address, subject: 's', text: 't' }
      return (await send(rig, email)).to
    },
    [`RCPT TO:<${path}>`],
  )
const taken = (name: string, body: string) =>
  answered(
    name,
    async ({ captures }) => {
      const raw = Buffer.from(`From: a@far.test\r\nSubject: s\r\n\r\n${body}\r\n`)
      return (await deliver(captures, raw)).reply.slice(0, 3)
    },
    '250',
  )

/** The last event of each recipient, once none is queued. */
async function outcomes({ relays }: CaseRig, to: readonly string[]): Promise<readonly string[]> {
  const { json } = await api(relays, 'POST', '/emails', { from: 'ada@kabutar.test', to, subject: 's', text: 't' })
  for (;;) {
    const email = await api(relays, 'GET', `/emails/${json.id}`)
    const events = email.json.recipients.map((one: { last_event: string }) => one.last_event)
    if (!events.includes('queued')) return events
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export const SMTP_ENVELOPES: readonly Case[] = [
  {
    id: '23',
    source:
      'axllent/mailpit#620, aio-libs/aiosmtpd#257, sympa-community/sympa#1160, roehling/postsrsd#108, flashmob/go-guerrilla#204, trusteddomainproject/OpenDMARC#206',
    symptom: 'a MAIL FROM whose local part has more than 64 octets is refused: mail by SendGrid, SRS and lists is lost',
    right:
      '64 is what every server must take (RFC 5321 section 4.5.3.1), not a limit. Bounce addresses with the recipient in them are longer; Postfix, Exim and Gmail take them.',
    checks: [
      from('bounces+1234567-9abc-firstname.lastname.support=long-company.test@em.far.test'),
      from('bounces+1234567-9abc-reply+01a22d0c-8d65-7601-a178-a8a99f3942ec=inbound.kabutar.test@em.far.test'),
      from('SRS0=fGv9=BC=a.customer-domain.test=bounce-4IDNASXYtY_FG21s4IoV1XzCfCtHkb2RZY_qdGZ8Q@em.far.test'),
      from(`bounce+${'a'.repeat(20)}==a==${'r'.repeat(25)}==list-divers==5288513@em.far.test`),
      from(`${'x'.repeat(64)}@em.far.test`),
      to(`list-confirm+${'0'.repeat(60)}@kabutar.test`),
    ],
  },
  {
    id: '25',
    source: 'KumoCorp/kumomta#77, nodemailer/smtp-server#259, exceedone/exment#800, mikel/mail#1124',
    symptom: 'addresses with two dots in a row, or a dot before the @, can neither send to us nor be sent to',
    right:
      'RFC 5321 forbids the form, but providers of Japan gave out millions of such mailboxes, and Postfix takes them. They go out in the quoted form, which is legal.',
    checks: [
      from('jo..roe@docomo.test'),
      from('jo.@docomo.test'),
      from('"jo..roe"@docomo.test'),
      to('a..b@kabutar.test'),
      sentTo('jo..roe@docomo.test', '"jo..roe"@docomo.test'),
      sentTo('jo.@docomo.test', '"jo."@docomo.test'),
      sentTo('"jo..roe"@docomo.test'),
      sentTo('"jo roe"@far.test'),
    ],
  },
  {
    id: '27',
    source: 'domoticz/domoticz#5993, marlam/msmtp#145, inverse-inc/packetfence#5380, muquit/mailsend#52',
    symptom: 'a message with one bare LF or CR is refused as a whole: alarms, cron jobs and SMS gateways are lost',
    right:
      'It is taken with CRLF in place of each, and still ends at CRLF.CRLF only, as Postfix does with `normalize`: nothing can be smuggled.',
    checks: [
      taken('a bare LF', 'a\nb'),
      taken('a bare CR', 'a\rb'),
      taken('CR CR LF', 'a\r\r\nb'),
      taken('lines that begin with dots', '.\r\n..\r\n.a'),
    ],
  },
  {
    id: '28',
    source: 'reinvented-stuff/nginx-mail-auth-http-server#37, mjl-/mox#101, nodemailer/smtp-server#260',
    symptom: 'the null sender, postmaster, routes, tags and SMTPUTF8 are refused, or octets that should be are not',
    right: 'As RFC 5321 and RFC 6531 say; nothing binary passes in a command.',
    checks: [
      from(''),
      to('postmaster'),
      to('in+tag@kabutar.test'),
      to('@a.test:in@kabutar.test'),
      replies('RCPT TO another domain', ['MAIL FROM:<>', 'RCPT TO:<in@elsewhere.test>'], '550'),
      replies('UTF-8 without SMTPUTF8', ['MAIL FROM:<jö@far.test>'], '553'),
      replies('UTF-8 with SMTPUTF8', ['MAIL FROM:<jö@far.test> SMTPUTF8'], '250'),
      replies('a NUL', [octets('MAIL FROM:<a\0b@far.test>\n')], '50'),
      replies('a SIZE that is too large', ['MAIL FROM:<a@far.test> SIZE=999999999'], '552'),
      replies('a second MAIL', ['MAIL FROM:<>', 'MAIL FROM:<>'], '503'),
    ],
  },
  {
    id: '37',
    source: 'murphysean/smtp#3',
    symptom: 'MAIL FROM:<…> AUTH=<> is refused with 555: Exchange Online has sent it without having been offered AUTH',
    right: 'Postfix and smtp-server take it: it says nothing, and refusing it loses mail.',
    checks: [replies('AUTH=<>', ['MAIL FROM:<a@far.test> SIZE=100 AUTH=<>'], '250')],
  },
  {
    id: '52',
    source: 'the kind of nodemailer and Postfix users on greylisting, refusals of several lines and 251',
    symptom: 'what the next hop says is taken for another recipient, or for all of them',
    right: '450 is tried again and 550 bounces; the others get their mail once.',
    checks: [
      answered('one of two is greylisted', (rig) => outcomes(rig, ['ok@far.test', 'grey@far.test']), [
        'sent',
        'delivery_delayed',
      ]),
      answered('one of two is refused in two lines', (rig) => outcomes(rig, ['nobody@far.test', 'ok@far.test']), [
        'bounced',
        'sent',
      ]),
      answered('251', (rig) => outcomes(rig, ['moved@far.test']), ['sent']),
      answered('all are refused, and DATA is taken', (rig) => outcomes(rig, ['nobody2@far.test']), ['bounced']),
    ],
  },
]
