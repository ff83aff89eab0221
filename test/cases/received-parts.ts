/** Structure, attachments and sizes of received mail. */
import {
  base64,
  type Case,
  filenames,
  HEAD,
  mixed,
  octets,
  received,
  text,
  textAndHtml,
  trimmed,
  types,
} from './case.ts'
import type { ReceivedMail } from './rig.ts'

const PLAIN = 'Content-Type: text/plain\n\nx'
const FORWARDED = base64('From: x@y.test\r\nSubject: inner\r\n\r\ninner text\r\n')
const forward = () =>
  mixed(
    PLAIN,
    `Content-Type: message/rfc822; name=fwd.eml\nContent-Disposition: attachment; filename=fwd.eml\nContent-Transfer-Encoding: base64\n\n${FORWARDED}`,
  )
const withPicture = (part: string) =>
  octets(
    `${HEAD}Content-Type: multipart/related; boundary=bb\n\n--bb\nContent-Type: text/html\n\n<img src="cid:x1@far.test">\n--bb\n${part}\nContent-ID: <x1@far.test>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--bb--\n`,
  )
const showsPicture = (name: string, part: string) =>
  received(name, withPicture(part), (mail) => mail.html?.includes('data:image/png;base64,iVBORw0KGgo='), true, {
    format: 'data_uri',
  })
const named = (name: string, disposition: string, expected: string, type = 'application/pdf') =>
  received(name, mixed(PLAIN, `Content-Type: ${type}\nContent-Disposition: ${disposition}\n\nx`), filenames, [expected])
const report = (kind: string) =>
  octets(
    `${HEAD}Content-Type: multipart/report; report-type=delivery-status; boundary=bb\n\n--bb\nContent-Type: text/plain\n\nIt failed.\n--bb\nContent-Type: message/${kind}\n\nReporting-MTA: dns; far.test\n\nFinal-Recipient: rfc822; x@y.test\nAction: failed\nStatus: 5.1.1\n\n--bb\nContent-Type: message/rfc822\n\nFrom: in@kabutar.test\nSubject: orig\n\nx\n--bb--\n`,
  )
const tells = (mail: ReceivedMail) => ['It failed.', 'Status: 5.1.1'].every((said) => mail.text?.includes(said))
const count = <T>(length: number, of: (n: number) => T) => Array.from({ length }, (_, n) => of(n))

export const RECEIVED_PARTS: readonly Case[] = [
  {
    id: '09',
    source: 'jakartaee/mail-api#147, csirtgadgets/csirtg-mail-py#13, jhillyerd/enmime#303',
    symptom: 'a forwarded message that was sent in base64 is served as application/octet-stream',
    right:
      'It is message/rfc822 as it says, with the decoded bytes. RFC 2046 section 5.2.1 forbids the encoding, but Outlook, Gmail and many gateways write it.',
    checks: [
      received('the type', forward(), types, ['message/rfc822']),
      received('the size is that of the decoded message', forward(), ({ attachments }) => attachments[0]?.size, 46),
      received(
        'quoted-printable',
        mixed(
          PLAIN,
          'Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\nFrom: x@y.test\nSubject: a=3Db\n\ninner',
        ),
        types,
        ['message/rfc822'],
      ),
      received('7bit', mixed(PLAIN, 'Content-Type: message/rfc822\n\nFrom: x@y.test\nSubject: inner\n\ninner'), types, [
        'message/rfc822',
      ]),
    ],
  },
  {
    id: '10',
    source: 'maildev/maildev#583, stalwartlabs/mail-parser#22, EmilTholin/gmail-api-parse-message#6',
    symptom: 'an inline picture of the type application/octet-stream stays a broken cid: address with data_uri',
    right: 'Apple Notes and others label pictures so, with a .png name; mail programs show them.',
    checks: [
      showsPicture('octet-stream with a name', 'Content-Type: application/octet-stream; name=a.png'),
      showsPicture(
        'octet-stream, inline, with a file name',
        'Content-Type: application/octet-stream\nContent-Disposition: inline; filename="a.png"',
      ),
      showsPicture('image/png', 'Content-Type: image/png; name=a.png'),
      showsPicture('image/PNG', 'Content-Type: image/PNG'),
    ],
  },
  {
    id: '16',
    source:
      'RainLoop/rainloop-webmail#858, barbushin/php-imap#684, chatmail/core#2079, zbateson/mail-mime-parser#80, aio-libs/aiohttp#13500',
    symptom: 'file names in pieces, encoded twice or in the wrong way, are cut or garbled',
    right:
      'The whole name is read (RFC 2231 sections 3 and 4). Pieces that are numbered from 1 are joined in order: the extension is in the last.',
    checks: [
      named('quoted extended value', `attachment; filename*="utf-8''na%C3%AFve%20a.pdf"`, 'naïve a.pdf'),
      named(
        'pieces, encoded and not',
        `attachment; filename*0*=utf-8''na%C3; filename*1*=%AFve; filename*2=" a.pdf"`,
        'naïve a.pdf',
      ),
      named('pieces in any order', 'attachment; filename*1=b.pdf; filename*0=a', 'ab.pdf'),
      named(
        'twelve pieces',
        `attachment; ${count(12, (n) => `filename*${n}=${'abcdefghijkl'[n]}`).join('; ')}`,
        'abcdefghijkl',
      ),
      named('pieces from 1', 'attachment; filename*1="report-"; filename*2="2026.pdf"', 'report-2026.pdf'),
      named(
        'encoded words cut by pieces',
        'attachment;\n filename*0="=?UTF-8?Q?r=C3=A9?=\n =?UTF-8?Q?sum=C3=A";\n filename*1="9.pdf?="',
        'résumé.pdf',
      ),
      named(
        'two encoded words, folded',
        'attachment; filename="=?UTF-8?B?w7xiZXI=?=\n =?UTF-8?B?LnBkZg==?="',
        'über.pdf',
      ),
      named('blanks without quotes', 'attachment; filename=my report v1.pdf', 'my report v1.pdf'),
      received(
        'raw UTF-8',
        Buffer.from(
          mixed(PLAIN, 'Content-Type: application/pdf\nContent-Disposition: attachment; filename="NAME"\n\nx')
            .toString()
            .replace('NAME', 'naïve €.pdf'),
        ),
        filenames,
        ['naïve €.pdf'],
      ),
      named('quotes within', 'attachment; filename="a \\"b\\" c.pdf"', 'a "b" c.pdf'),
      named('a name in Content-Type only', 'attachment', 'a.pdf', 'application/pdf; name="a.pdf"'),
      named('the extended form wins', `attachment; filename="f.pdf"; filename*=utf-8''r%C3%A9al.pdf`, 'réal.pdf'),
    ],
  },
  {
    id: '43',
    source:
      'nodemailer/mailparser#264, nodemailer/mailparser#292, nodemailer/mailparser#300, ikvk/imap_tools#221, stalwartlabs/mail-parser#78',
    symptom: 'of a bounce the status part is not shown: message/delivery-status, message/global-delivery-status',
    right: 'Both are shown as text (RFC 3464, RFC 6533). The status and the returned message are attachments too.',
    checks: [
      received('delivery-status', report('delivery-status'), tells, true),
      received('global-delivery-status', report('global-delivery-status'), tells, true),
      received('the returned message is attached', report('delivery-status'), types, [
        'message/delivery-status',
        'message/rfc822',
      ]),
    ],
  },
  {
    id: '46',
    source:
      'nodemailer/mailparser#17, nextcloud/mail#2317, php-mime-mail-parser/php-mime-mail-parser#317, stalwartlabs/mail-parser#78, nodemailer/mailparser#195',
    symptom: 'texts are lost or doubled: files between texts, invitations, winmail.dat, S/MIME, footers of lists',
    right: 'Every text is read once, every file is listed.',
    checks: [
      received(
        'Apple Mail: html, pdf and html in an alternative',
        octets(
          `${HEAD}Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain\n\nplain\n--a\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n<p>one</p>\n--m\nContent-Type: application/pdf; name=x.pdf\nContent-Disposition: inline; filename=x.pdf\n\nx\n--m\nContent-Type: text/html\n\n<p>two</p>\n--m--\n--a--\n`,
        ),
        (mail) => [mail.text, /one.*two/s.test(mail.html ?? ''), types(mail)],
        ['plain', true, ['application/pdf']],
      ),
      received(
        'an invitation as an alternative',
        octets(
          `${HEAD}Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain\n\nplain\n--a\nContent-Type: text/html\n\n<p>hi</p>\n--a\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n--a--\n`,
        ),
        (mail) => [...textAndHtml(mail), types(mail)],
        ['plain', '<p>hi</p>', ['text/calendar']],
      ),
      received(
        'winmail.dat',
        mixed(
          PLAIN,
          'Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\neJ8+IgA=',
        ),
        (mail) => [filenames(mail), types(mail)],
        [['winmail.dat'], ['application/ms-tnef']],
      ),
      received(
        'S/MIME as the whole message',
        octets(
          `${HEAD}Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n\naGk=\n`,
        ),
        (mail) => [mail.text, mail.html, types(mail)],
        [null, null, ['application/pkcs7-mime']],
      ),
      received(
        'the footer of a list beside an alternative',
        mixed(
          'Content-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/plain\n\nplain\n--c\nContent-Type: text/html\n\n<p>html</p>\n--c--',
          'Content-Type: text/plain\n\nfooter',
        ),
        (mail) => [/plain\nfooter/.test(mail.text ?? ''), /html.*footer/s.test(mail.html ?? '')],
        [true, true],
      ),
      received(
        'an attached text file',
        mixed(
          PLAIN,
          'Content-Type: text/plain; name=log.txt\nContent-Disposition: attachment; filename=log.txt\n\nlog',
        ),
        (mail) => [text(mail), types(mail)],
        ['x', ['text/plain']],
      ),
      received('no header fields', octets('\njust text\n'), (mail) => [mail.from, mail.subject, text(mail)], [
        '',
        '',
        'just text',
      ]),
      received('nothing', octets(''), (mail) => [mail.from, mail.subject, trimmed(mail.text)], ['', '', null]),
      received(
        'a line of mbox, a line that is no field',
        octets('From eve Thu Jan  1 00:00:00 1970\nFrom: a@far.test\nno field\nSubject : s\n\nx\n'),
        (mail) => [mail.from, mail.subject],
        ['a@far.test', 's'],
      ),
    ],
  },
  {
    id: '47',
    source: 'jetmore/swaks#109, dahlia/upyo#40, the kind of djcb/mu#2914',
    symptom: 'recipients past 2,000 and header fields past 1,000 are cut without a sign',
    right: 'An answer has them all, or says what it leaves out.',
    checks: [
      received(
        '10,000 recipients',
        octets(`From: a@far.test\nTo: ${count(10_000, (n) => `u${n}@far.test`).join(',\n ')}\nSubject: s\n\nx\n`),
        (mail) => mail.to.length,
        10_000,
      ),
      received(
        '5,000 fields, the last is Subject',
        octets(`From: a@far.test\n${count(5000, (n) => `X-H${n}: v`).join('\n')}\nSubject: s\n\nx\n`),
        (mail) => [mail.subject, Object.keys(mail.headers ?? {}).length],
        ['s', 5002],
      ),
      received(
        '2,000 References',
        octets(
          `From: a@far.test\nMessage-ID: <m@far.test>\nReferences: ${count(2000, (n) => `<r${n}@far.test>`).join('\n ')}\nSubject: s\n\nx\n`,
        ),
        (mail) => [mail.message_id, mail.headers?.references?.split(/\s+/).length],
        ['<m@far.test>', 2000],
      ),
    ],
  },
]
