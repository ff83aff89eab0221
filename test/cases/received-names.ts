/** Encoded words and addresses in the header fields of received mail. */
import { base64, type Case, filenames, mailboxOf, mixed, octets, received, sender, text } from './case.ts'
import type { ReceivedMail } from './rig.ts'

const subject = (mail: ReceivedMail) => mail.subject

/** An encoded word that begins and ends in ASCII, as RFC 2047 section 3 asks. */
const japanese = (hex: string) => Buffer.from(`1b2442${hex}1b2842`, 'hex').toString('base64')
const DOCUMENTS = japanese('327135443b714e41') // 会議資料
const SENDING = japanese('41774955') // 送付
const WORDS = `=?ISO-2022-JP?B?${DOCUMENTS}?=\n =?ISO-2022-JP?B?${SENDING}?=`

/** One base64 text as encoded words that are cut at the given places. */
function cutWords(content: string, at: readonly number[]): string {
  const whole = base64(content)
  return at.map((from, n) => `=?utf-8?B?${whole.slice(from, at[n + 1])}?=`).join('\n ')
}

const withFrom = (from: string) => octets(`From: ${from}\nTo: in@kabutar.test\nSubject: s\n\nx\n`)
const withId = (id: string) => octets(`From: a@far.test\nMessage-ID:${id}\nSubject: s\n\nx\n`)
const withSubject = (value: string) => octets(`From: a@far.test\nSubject: ${value}\n\nx\n`)
const inBrackets = (mail: ReceivedMail) => /<([^<>]*)>\s*$/.exec(mail.from)?.[1] ?? mail.from
const bareId = (mail: ReceivedMail) => mail.message_id.replace(/[<>]/g, '')

export const RECEIVED_NAMES: readonly Case[] = [
  {
    id: '01',
    source: 'postalsys/postal-mime#68',
    symptom: 'a subject in ISO-2022-JP that spans two encoded words has a replacement character where they meet',
    right: 'Words are decoded one by one and then joined (RFC 2047 section 6.2); each returns to ASCII at its end.',
    checks: [
      received('subject of two words', withSubject(WORDS), subject, '会議資料送付'),
      received(
        'subject that begins with a word of ASCII',
        withSubject(`=?ISO-2022-JP?B?${base64('Re: ')}?= =?ISO-2022-JP?B?${DOCUMENTS}?=`),
        subject,
        'Re: 会議資料',
      ),
      received('name of From', withFrom(`${WORDS} <a@far.test>`), sender, {
        name: '会議資料送付',
        address: 'a@far.test',
      }),
      received(
        'file name',
        mixed(
          'Content-Type: text/plain\n\nx',
          `Content-Type: application/pdf;\n name="${WORDS}"\nContent-Transfer-Encoding: base64\n\naGk=`,
        ),
        filenames,
        ['会議資料送付'],
      ),
      received(
        'words in Q encoding',
        withSubject('=?iso-2022-jp?Q?=1B$B2q5D=1B(B?= =?iso-2022-jp?Q?=1B$B;qNA=1B(B?='),
        subject,
        '会議資料',
      ),
      received(
        'two escapes in a row in a body',
        octets(
          'From: a@far.test\nSubject: s\nContent-Type: text/plain; charset=ISO-2022-JP\n\n\x1b$B2q5D\x1b(B\x1b$B;qNA\x1b(B\n',
        ),
        text,
        '会議資料',
      ),
    ],
  },
  {
    id: '02',
    source: 'nodemailer/mailparser#375, nodemailer/addressparser#9, nodemailer/nodemailer#973',
    symptom: 'a display name with a comma and no quotes: the sender of the message has no address',
    right:
      'The one address that is there is the sender. RFC 5322 section 3.4 wants quotes, but real mail lacks them, and `from` is the only place where the API says who sent it.',
    checks: [
      received('company', withFrom('Acme, Inc. <billing@acme.test>'), sender, {
        name: 'Acme, Inc.',
        address: 'billing@acme.test',
      }),
      received('title', withFrom('Jo Roe, PhD <jo@far.test>'), (mail) => sender(mail).address, 'jo@far.test'),
      received('two commas', withFrom('Roe, Jo, MD <jo@far.test>'), (mail) => sender(mail).address, 'jo@far.test'),
      received(
        'To has every address',
        octets('From: a@far.test\nTo: Roe, Jo <jo@far.test>, Bo <bo@far.test>\nSubject: s\n\nx\n'),
        ({ to }) => to.map((one) => mailboxOf(one).address).filter((address) => address.includes('@')),
        ['jo@far.test', 'bo@far.test'],
      ),
    ],
  },
  {
    id: '04',
    source: 'nodemailer/nodemailer#1766 (GHSA-mm7p-fcc7-pg87), nodemailer/nodemailer#1699, stalwartlabs/mail-send#42',
    symptom: 'the quotes of a local part are dropped, so the sender reads as somebody else',
    right:
      'The address keeps its quotes (RFC 5322 section 3.4.1): without them an application reads `"x <boss@corp.test> y"@evil.test` as boss@corp.test.',
    checks: [
      received(
        'a bracket inside',
        withFrom('"x <boss@corp.test> y"@evil.test'),
        ({ from }) => from.replace(/^<(.*)>$/, '$1'),
        '"x <boss@corp.test> y"@evil.test',
      ),
      received(
        'a bracket at the end',
        withFrom('"x <boss@corp.test>"@evil.test'),
        ({ from }) => from,
        '"x <boss@corp.test>"@evil.test',
      ),
      received(
        'an @ inside',
        withFrom('"boss@corp.test x"@evil.test'),
        ({ from }) => from,
        '"boss@corp.test x"@evil.test',
      ),
      received('a space', withFrom('"jo roe"@far.test'), ({ from }) => from, '"jo roe"@far.test'),
      received(
        'a comma, in brackets',
        withFrom('Jo <"boss@corp.test, x"@evil.test>'),
        inBrackets,
        '"boss@corp.test, x"@evil.test',
      ),
      received(
        'Reply-To',
        octets('From: a@far.test\nReply-To: "boss@corp.test>, x"@evil.test\nSubject: s\n\nx\n'),
        (mail) => mail.reply_to,
        ['"boss@corp.test>, x"@evil.test'],
      ),
    ],
  },
  {
    id: '05',
    source: 'jakartaee/mail-api#764, staktrace/mailparse#65, staktrace/mailparse#141, golang/go#21257',
    symptom: 'a comment inside the angle brackets, or around the @, becomes part of the address',
    right: 'Comments are white space (RFC 5322 section 3.2.2). Its appendices A.5 and A.6.3 have these very addresses.',
    checks: [
      received('after the address', withFrom('jo@far.test (Jo Roe)'), sender, {
        name: 'Jo Roe',
        address: 'jo@far.test',
      }),
      received('inside the brackets', withFrom('Jo <jo@far.test (home)>'), sender, {
        name: 'Jo',
        address: 'jo@far.test',
      }),
      received('as in A.5', withFrom('Jo(a nice \\) one) <jo(her account)@far.test(her host)>'), sender, {
        name: 'Jo',
        address: 'jo@far.test',
      }),
      received(
        'as in A.6.3',
        withFrom('Jo <jo@mail(comment).  far.test>'),
        (mail) => sender(mail).address,
        'jo@mail.far.test',
      ),
      received(
        'Message-ID as in A.6.3',
        withId(' <12 @ mail(x) .far.test>'),
        (mail) => mail.message_id,
        '<12@mail.far.test>',
      ),
    ],
  },
  {
    id: '06',
    source:
      'zbateson/mail-mime-parser#128, andris9/mimelib#31, nodemailer/mailparser#89, thunderbird/thunderbird-android#2719',
    symptom: 'one base64 text that was cut into several encoded words at any place is garbled',
    right:
      'Neighbours of one set and encoding are joined as base64 where a word is no whole number of groups of four. RFC 2047 section 2 forbids the cut; mailparser, Gmail and Thunderbird join.',
    checks: [
      received(
        'between groups of four, within a character',
        withSubject(cutWords('Ångström über alles', [0, 8, 12])),
        subject,
        'Ångström über alles',
      ),
      received('within a group', withSubject(cutWords('Ångström über alles', [0, 7])), subject, 'Ångström über alles'),
      received(
        'within two groups',
        withSubject(cutWords('Ångström über alles', [0, 10, 17])),
        subject,
        'Ångström über alles',
      ),
      received('in a name', withFrom(`${cutWords('Jürgen Öz', [0, 6])} <j@far.test>`), sender, {
        name: 'Jürgen Öz',
        address: 'j@far.test',
      }),
    ],
  },
  {
    id: '07',
    source: 'jstedfast/MailKit#224, cyrusimap/cyrus-imapd#5058, stalwartlabs/mail-parser#42',
    symptom: 'a Message-ID without angle brackets is no id at all: message_id is empty',
    right:
      'RFC 5322 section 3.6.4 wants brackets, but Zoho and others have sent without them, and readers keep the id. With an empty message_id no reply can be threaded.',
    checks: [
      received('local@domain', withId(' abc123@far.test'), bareId, 'abc123@far.test'),
      received('no @', withId(' 3a53c9f21a8e41f0'), bareId, '3a53c9f21a8e41f0'),
      received(
        'square brackets',
        withId(' [abc123@far.test]'),
        (mail) => mail.message_id.includes('abc123@far.test'),
        true,
      ),
      received('folded', withId('\n <abc123@far.test>'), bareId, 'abc123@far.test'),
    ],
  },
  {
    id: '18',
    source: 'the kind of nodemailer/mailparser#223',
    symptom: '`headers` holds line breaks that came in an encoded word: one field looks like two',
    right:
      'A line break in a decoded value becomes a space, as in `subject`: repeated fields are joined by a line break, and POST /emails refuses one in a header.',
    checks: [
      received(
        'an encoded line break',
        octets('From: a@far.test\nSubject: s\nX-A: =?utf-8?Q?one=0D=0Atwo?=\n\nx\n'),
        ({ headers }) => /[\r\n]/.test(headers?.['x-a'] ?? ''),
        false,
      ),
      received(
        'two fields',
        octets('From: a@far.test\nSubject: s\nX-A: one\nX-A: two\n\nx\n'),
        ({ headers }) => headers?.['x-a'],
        'one\ntwo',
      ),
      received(
        'the subject',
        withSubject('=?utf-8?Q?one=0D=0ABcc:_x@y.test?='),
        (mail) => /[\r\n]/.test(mail.subject),
        false,
      ),
    ],
  },
  {
    id: '19',
    source: 'the kind of oblac/jodd#294, choyiny/saasmail#124',
    symptom: 'a Reply-To that equals From is answered as if there were none',
    right: 'The field is there, so the answer has it; mailparser and postal-mime have it too.',
    checks: [
      received(
        'equal',
        octets('From: Eve <eve@far.test>\nReply-To: Eve <eve@far.test>\nSubject: s\n\nx\n'),
        (mail) => mail.reply_to?.length,
        1,
      ),
      received(
        'another name',
        octets('From: Eve <eve@far.test>\nReply-To: eve@far.test\nSubject: s\n\nx\n'),
        (mail) => mail.reply_to,
        ['eve@far.test'],
      ),
    ],
  },
]
