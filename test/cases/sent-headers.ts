/** The header fields of mail that goes out. */
import { answered, type Case, type Check } from './case.ts'
import type { Relayed } from './next-hop.ts'
import { api, type CaseRig, send } from './rig.ts'

const BASE = { from: 'ada@kabutar.test', to: 'bob@far.test', subject: 's', text: 't' }

const longestLine = ({ raw }: Relayed) =>
  Math.max(
    ...raw
      .toString('latin1')
      .split('\r\n')
      .map(({ length }) => length),
  )
/** The mail goes out with short lines, or is refused with 422. */
const shortLines = (name: string, more: object): Check =>
  answered(
    name,
    async (rig) => {
      const { status } = await api(rig.captures, 'POST', '/emails', { ...BASE, ...more })
      return status === 422 || longestLine(await send(rig, { ...BASE, ...more })) <= 998
    },
    true,
  )

/** The value of a field of the mail, unfolded. */
function fieldOf({ raw }: Relayed, name: string): string | undefined {
  const field = new RegExp(`^${name}:[ \\t]*(.*(?:\\r\\n[ \\t].*)*)`, 'mi').exec(raw.toString('latin1'))
  return field?.[1]?.replace(/\r\n/g, '')
}
const has = (name: string, field: string, value: string, wanted: string): Check =>
  answered(
    name,
    async (rig) => {
      const found = fieldOf(await send(rig, { ...BASE, headers: { [field]: value } }), field) ?? ''
      return found.includes(wanted) ? wanted : found
    },
    wanted,
  )

/** What a reader shows of encoded words in UTF-8. */
function decoded(text: string): string {
  const octetsOf = (quoted: string) =>
    quoted
      .replace(/_/g, ' ')
      .replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return text
    .replace(/=\?utf-8\?q\?([^?]*)\?=/gi, (_, quoted: string) => Buffer.from(octetsOf(quoted), 'latin1').toString())
    .replace(/=\?utf-8\?b\?([^?]*)\?=/gi, (_, encoded: string) => Buffer.from(encoded, 'base64').toString())
}
const from = (name: string, given: string, shown: string): Check =>
  answered(name, async (rig) => decoded(fieldOf(await send(rig, { ...BASE, from: given }), 'From') ?? ''), shown)

const recipient = async (rig: CaseRig, to: string) => (await send(rig, { ...BASE, to })).to
const ids = (count: number, length: number) =>
  Array.from({ length: count }, (_, n) => `<${'x'.repeat(length)}${n}@far.test>`)

export const SENT_HEADERS: readonly Case[] = [
  {
    id: '31',
    source:
      'sendgrid/smtpapi-php#8, dahlia/upyo#40, PHPMailer/PHPMailer#36, PHPMailer/PHPMailer#726, jetmore/swaks#109',
    symptom: 'a header value without blanks goes out as one line of up to 8,193 octets',
    right:
      'No line over 998 octets (RFC 5322 section 2.1.1). Exim bounces such mail, and Postfix cuts it at 990, which breaks its signature.',
    checks: [
      shortLines('a token of 3,000 characters', { headers: { 'X-Token': 'x'.repeat(3000) } }),
      shortLines('References without blanks', { headers: { References: ids(30, 40).join('') } }),
      shortLines('List-Unsubscribe with a token of 1,200', {
        headers: { 'List-Unsubscribe': `<https://kabutar.test/u?t=${'a'.repeat(1200)}>` },
      }),
      shortLines('a subject of 998 characters', { subject: 'S'.repeat(998) }),
      shortLines('References with blanks', { headers: { References: ids(100, 30).join(' ') } }),
      shortLines('50 recipients', {
        to: Array.from({ length: 50 }, (_, n) => `recipient.number-${n}@long-domain-name.far.test`),
      }),
      shortLines('a text of 5,000 in one line', { text: 'x'.repeat(5000) }),
      shortLines('a subject of 900 beyond ASCII', { subject: 'ż'.repeat(900) }),
    ],
  },
  {
    id: '32',
    source:
      'PHPMailer/PHPMailer#1853, PHPMailer/PHPMailer#726, sendgrid/docs#5643, CrimsonForge-io/king-phisher#294, nodemailer/nodemailer#60, nodemailer/nodemailer#61',
    symptom:
      'a custom header with a double quote, or with a name beyond ASCII, is encoded whole and nobody can read it',
    right:
      'Printable ASCII goes out as it was given: relays read X-SMTPAPI as JSON, and List-ID: "Name" <id> is the form of RFC 2919. Beyond ASCII the name alone is encoded, and <address> stays (RFC 2047 section 5).',
    checks: [
      has('X-SMTPAPI with JSON', 'X-SMTPAPI', '{"category":"welcome"}', '{"category":"welcome"}'),
      has('List-ID with a quoted name', 'List-ID', '"My list" <l.kabutar.test>', '"My list" <l.kabutar.test>'),
      has('In-Reply-To', 'In-Reply-To', '<"a b"@far.test>', '<"a b"@far.test>'),
      has(
        'Disposition-Notification-To beyond ASCII',
        'Disposition-Notification-To',
        'Jörg <joerg@kabutar.test>',
        '<joerg@kabutar.test>',
      ),
      has('List-ID beyond ASCII', 'List-ID', 'Gęś <geese.kabutar.test>', '<geese.kabutar.test>'),
      has('List-Unsubscribe beyond ASCII', 'List-Unsubscribe', '<https://bücher.test/u>', '<https://'),
      has('X-Original-From beyond ASCII', 'X-Original-From', 'Jörg <joerg@kabutar.test>', '<joerg@kabutar.test>'),
      has('ASCII', 'Disposition-Notification-To', 'Jo <jo@kabutar.test>', 'Jo <jo@kabutar.test>'),
    ],
  },
  {
    id: '33',
    source:
      'authgear/authgear-server#5643, nodemailer/nodemailer#377, sendgrid/sendgrid-ruby#77, choyiny/saasmail#198, resend/resend-mcp#161, resend/resend-python#65',
    symptom: 'display names with special characters lose their parentheses, or are refused',
    right: 'The recipient sees the name that was given, and an address is trimmed.',
    checks: [
      from('parentheses', 'Acme (Sales) <ada@kabutar.test>', '"Acme (Sales)" <ada@kabutar.test>'),
      from('a colon', 'Acme: Sales <ada@kabutar.test>', '"Acme: Sales" <ada@kabutar.test>'),
      from('a blank before the address', ' ada@kabutar.test', 'ada@kabutar.test'),
      from('a line end behind the address', 'ada@kabutar.test\n', 'ada@kabutar.test'),
      from('a comma', 'Acme, Inc. <ada@kabutar.test>', '"Acme, Inc." <ada@kabutar.test>'),
      from('quotes', '"Ada \\"L\\" X" <ada@kabutar.test>', '"Ada \\"L\\" X" <ada@kabutar.test>'),
      from('an emoji', '🚀 Ada <ada@kabutar.test>', '🚀 Ada <ada@kabutar.test>'),
      from('a comma beyond ASCII', '"Müller, Ada" <ada@kabutar.test>', 'Müller, Ada <ada@kabutar.test>'),
      from('an apostrophe', "O'Brien <ada@kabutar.test>", `"O'Brien" <ada@kabutar.test>`),
      from('square brackets', '[Acme] | J. <ada@kabutar.test>', '"[Acme] | J." <ada@kabutar.test>'),
      from('no blank before the bracket', 'Ada<ada@kabutar.test>', 'Ada <ada@kabutar.test>'),
    ],
  },
  {
    id: '34',
    source: 'nodemailer/nodemailer#77',
    symptom: 'mail to internationalized domains is not delivered',
    right:
      'The domain goes out in punycode. A local part beyond ASCII is refused at once, not after hours of retries: SES has none.',
    checks: [
      answered('bücher.test', (rig) => recipient(rig, 'bob@bücher.test'), ['RCPT TO:<bob@xn--bcher-kva.test>']),
      answered('BÜCHER.TEST', (rig) => recipient(rig, 'bob@BÜCHER.TEST'), ['RCPT TO:<bob@xn--bcher-kva.test>']),
      answered('例え.テスト', (rig) => recipient(rig, 'bob@例え.テスト'), ['RCPT TO:<bob@xn--r8jz45g.xn--zckzah>']),
      answered(
        'jörg@far.test is refused',
        async ({ relays }) => (await api(relays, 'POST', '/emails', { ...BASE, to: 'jörg@far.test' })).status,
        422,
      ),
    ],
  },
]
