/** Character sets, transfer encodings and text formats of received mail. */
import { base64, type Case, type Check, HEAD, octets, received, text, textAndHtml, trimmed, utf8 } from './case.ts'
import type { ReceivedMail } from './rig.ts'

/** A text/plain message in base64. */
const inSet = (
  charset: string,
  content: string | readonly number[] | Buffer,
  expected: string,
  name = charset,
): Check => {
  const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content)
  const head = `${HEAD}Content-Type: text/plain; charset=${charset}\nContent-Transfer-Encoding: base64\n\n`
  return received(name, octets(`${head}${base64(bytes)}\n`), text, expected)
}
const plain = (contentType: string, body: string) =>
  octets(`${HEAD}Content-Type: text/plain${contentType}\n\n${body}\n`)
const quotedPrintable = (body: string, expected: string) =>
  received(
    JSON.stringify(body),
    octets(`${HEAD}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: Quoted-Printable\n\n${body}\n`),
    (mail) => mail.text,
    expected,
  )
const alternative = (contentType: string) => {
  const parts = '--abc\nContent-Type: text/plain\n\nplain\n--abc\nContent-Type: text/html\n\n<p>hi</p>\n--abc--\n'
  return octets(`${HEAD}Content-Type: multipart/alternative${contentType}\n\n${parts}`)
}
const BOTH = ['plain', '<p>hi</p>']
const htmlWith = (meta: string, word: readonly number[]) =>
  Buffer.concat([
    octets(`${HEAD}Content-Type: text/html\n\n<html><head>${meta}</head><p>`),
    Buffer.from(word),
    octets('</p></html>\n'),
  ])
const htmlHas = (word: string) => (mail: ReceivedMail) => mail.html?.includes(word)
const hasNul = (value: string | null | undefined) => value?.includes('\u0000')

export const RECEIVED_TEXTS: readonly Case[] = [
  {
    id: '11',
    source:
      'mozilla-comm/jsmime#3, mikel/mail#1618, mikel/mail#1312, pillarjs/iconv-lite#94, andyedinborough/aenetmail#22',
    symptom: 'texts in UTF-7, UTF-16 with a byte order mark, HZ and ISO-2022-KR come out as they stand or garbled',
    right: 'They are decoded; of UTF-16 the mark decides the order of its bytes.',
    checks: [
      inSet('utf-16', [0xfe, 0xff, 0, 0x68, 0, 0xe9], 'hé', 'UTF-16, big endian by its mark'),
      inSet('utf-16', [0xff, 0xfe, 0x68, 0, 0xe9, 0], 'hé', 'UTF-16, little endian by its mark'),
      inSet('utf-16be', [0, 0x68, 0, 0xe9], 'hé'),
      received('utf-7', plain('; charset=utf-7', 'Caf+AOk-'), text, 'Café'),
      received('unicode-1-1-utf-7', plain('; charset=unicode-1-1-utf-7', 'Caf+AOk-'), text, 'Café'),
      received(
        'a subject in UTF-7',
        octets('From: a@far.test\nSubject: =?utf-7?Q?Caf+AOk-?=\n\nx\n'),
        (mail) => mail.subject,
        'Café',
      ),
      received('hz-gb-2312', plain('; charset=hz-gb-2312', '~{VPND~}'), text, '中文'),
      received('iso-2022-kr', plain('; charset=iso-2022-kr', '\x1b$)C\n\x0e>H3g\x0f'), text, '안녕'),
    ],
  },
  {
    id: '12',
    source: 'Enough-Software/enough_mail#282, nodemailer/mailparser#351, postalsys/postal-mime#68',
    symptom: 'texts in the sets that mail of China, Japan, Korea, Israel and Eastern Europe uses are garbled',
    right: 'They are decoded with the additions of Windows: NEC row 13, UHC, GB 18030 under the label gb2312.',
    checks: [
      inSet('gb18030', [0xc4, 0xe3, 0x94, 0x39, 0xda, 0x33], '你💩'),
      inSet('gb2312', [0xd6, 0xd0, 0x94, 0x39, 0xda, 0x33, 0x80], '中💩€', 'gb2312 that is GB 18030'),
      inSet('Shift_JIS', [0x87, 0x40, 0xfb, 0xfc], '①髙'),
      inSet('cp932', [0x87, 0x40], '①'),
      inSet('EUC-JP', [0xad, 0xa1, 0x8f, 0xb0, 0xa1], '①丂'),
      inSet('ISO-2022-JP', [0x1b, 0x24, 0x42, 0x2d, 0x21, 0x1b, 0x28, 0x42], '①'),
      inSet('ISO-2022-JP', [0x1b, 0x28, 0x49, 0x31, 0x1b, 0x28, 0x42], 'ｱ', 'ISO-2022-JP, halfwidth kana'),
      inSet('ks_c_5601-1987', [0xb0, 0xa1, 0x81, 0x41], '가갂'),
      inSet('big5', [0xa7, 0x41, 0xa6, 0x6e], '你好'),
      inSet('cp1250', [0x9c, 0xb9], 'śą'),
      inSet('iso-8859-8-i', [0xf9, 0xec], 'של'),
      inSet('KOI8-R', [0xf0, 0xd2], 'Пр'),
      inSet('UTF8', 'żó', 'żó'),
      inSet('utf-8', '\ufeffhé', 'hé', 'utf-8 with a byte order mark'),
      received('Windows-1252 without a label', octets(`${HEAD}\ncaf\xe9\n`), text, 'café'),
    ],
  },
  {
    id: '13',
    source: 'macro-inc/macro#6133, huacnlee/omamail#87',
    symptom: 'UTF-8 text that is labelled iso-8859-1 or windows-1252 (banks, parts of Gmail) is garbled',
    right:
      'Where the label is a single-byte set and the bytes are valid UTF-8 beyond ASCII, they are UTF-8: nobody writes `Å„` on purpose.',
    checks: [
      received(
        'iso-8859-1',
        utf8(`${HEAD}Content-Type: text/plain; charset=iso-8859-1\n\nDzień dobry • zażółć\n`),
        text,
        'Dzień dobry • zażółć',
      ),
      received(
        'windows-1252, HTML',
        utf8(`${HEAD}Content-Type: text/html; charset=windows-1252\n\n<p>• Grüße</p>\n`),
        (mail) => trimmed(mail.html),
        '<p>• Grüße</p>',
      ),
      received('us-ascii', utf8(`${HEAD}Content-Type: text/plain; charset=us-ascii\n\nzażółć\n`), text, 'zażółć'),
    ],
  },
  {
    id: '14',
    source: 'jstedfast/MimeKit#595',
    symptom:
      'a semicolon is missing between two parameters of Content-Type: parts are not found, or HTML is shown as text',
    right: 'RFC 2045 section 5.1 wants it, and Outlook reads without. Nothing has to be guessed.',
    checks: [
      received('quoted set, quoted boundary', alternative('; charset="utf-8" boundary="abc"'), textAndHtml, BOTH),
      received('quoted boundary, quoted set', alternative('; boundary="abc" charset="utf-8"'), textAndHtml, BOTH),
      received('bare boundary, bare set', alternative('; boundary=abc charset=utf-8'), textAndHtml, BOTH),
      received('after the type', alternative(' boundary="abc"'), textAndHtml, BOTH),
      received('after text/html', octets(`${HEAD}Content-Type: text/html charset=utf-8\n\n<p>hi</p>\n`), textAndHtml, [
        null,
        '<p>hi</p>',
      ]),
      received('after a set', plain('; charset=iso-8859-2 format=flowed', '\xb1\xe6'), text, 'ąć'),
      received('two semicolons', alternative('; boundary="abc";; charset="us-ascii"'), textAndHtml, BOTH),
      received('a parameter without a value', alternative(';\n boundary="abc";windows-852'), textAndHtml, BOTH),
    ],
  },
  {
    id: '17',
    source: 'LogicLabs-OU/OpenArchiver#479, suitenumerique/messages#524, brianc/node-postgres#2080',
    symptom:
      'a NUL of a mail reaches the application in `text`, `html` or `headers`, and its PostgreSQL refuses the row',
    right: 'RFC 5322 section 4.1 makes NUL obsolete syntax, which a reader does not pass on as text.',
    checks: [
      received('in text', octets(`${HEAD}\na\0b\n`), (mail) => hasNul(mail.text), false),
      received(
        'in quoted-printable HTML',
        octets(`${HEAD}Content-Transfer-Encoding: quoted-printable\nContent-Type: text/html\n\n<p>a=00b</p>\n`),
        (mail) => hasNul(mail.html),
        false,
      ),
      received(
        'in a header field',
        octets('From: a@far.test\nSubject: s\nX-A: =?utf-8?Q?a=00b?=\n\nx\n'),
        ({ headers }) => hasNul(headers?.['x-a'] ?? ''),
        false,
      ),
      received(
        'in the subject',
        octets('From: a@far.test\nSubject: =?utf-8?Q?a=00b?=\n\nx\n'),
        (mail) => hasNul(mail.subject),
        false,
      ),
    ],
  },
  {
    id: '44',
    source: 'emailjs/emailjs-mime-parser#8, nodemailer/mailparser#17, nodemailer/mailparser#55',
    symptom: 'format=flowed is shown broken, and quoted-printable that others wrote by half is damaged',
    right: 'RFC 3676 section 4 and RFC 2045 section 6.7.',
    checks: [
      received(
        'flowed, delsp',
        plain('; charset=utf-8; format=flowed; delsp=yes', 'A long \nline.\n\n> quoted \n> text\n-- \nsig'),
        (mail) => mail.text,
        'A longline.\n\n> quotedtext\n-- \nsig\n',
      ),
      received(
        'flowed',
        plain('; format=flowed', 'A long \nline.\n From here'),
        (mail) => mail.text,
        'A long line.\nFrom here\n',
      ),
      quotedPrintable('caf=c3=a9', 'café\n'),
      quotedPrintable('a =\n b', 'a  b\n'),
      quotedPrintable('x=3d=3D', 'x==\n'),
      quotedPrintable('bad =ZZ', 'bad =ZZ\n'),
      quotedPrintable('blanks  \nend', 'blanks\nend\n'),
      quotedPrintable('soft = \nbreak', 'soft break\n'),
      quotedPrintable('end=', 'end'),
    ],
  },
  {
    id: '49',
    source: 'the kind of MISP/misp-modules#474, odoo/odoo#125628',
    symptom: 'HTML without a charset in Content-Type, with one in its <meta>, is taken for Windows-1252',
    right:
      'The meta element decides where the field does not (WHATWG HTML section 13.2.3.2); mail programs do the same.',
    checks: [
      received(
        'windows-1251',
        htmlWith(
          '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">',
          [0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2],
        ),
        htmlHas('Привет'),
        true,
      ),
      received('shift_jis', htmlWith('<meta charset="shift_jis">', [0x93, 0xfa, 0x96, 0x7b]), htmlHas('日本'), true),
      received(
        'UTF-8, and nothing says so',
        utf8(`${HEAD}Content-Type: text/html\n\n<p>żółć</p>\n`),
        htmlHas('żółć'),
        true,
      ),
    ],
  },
]
