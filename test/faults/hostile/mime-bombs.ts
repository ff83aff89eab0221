/** Messages of strangers that are cheap to send and dear to read, by what they have too much of. */

const HEAD = 'From: eve@far.test\r\nTo: ada@kabutar.test\r\nSubject: bomb\r\nMIME-Version: 1.0\r\n'
const TEXT = `${HEAD}Content-Type: text/plain`
const MIXED = `${HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n`
const BODY = '\r\n\r\nx\r\n'
const HTML_LEAF = '--b\r\nContent-Type: text/html\r\n\r\n'
const CONTROL = '\u0001'

const times = (count: number, made: (n: number) => string) => Array.from({ length: count }, (_, n) => made(n)).join('')
/** A text and an HTML of it, so that both are decoded. */
const html = (content: string) =>
  `${MIXED}--b\r\nContent-Type: text/plain\r\n\r\nx\r\n${HTML_LEAF}${content}\r\n--b--\r\n`
const parts = (count: number, head: string) => `${MIXED}${`--b\r\n${head}\r\n\r\n\r\n`.repeat(count)}--b--\r\n`
const encoded = (encoding: string, content: string) =>
  `${TEXT}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${content}`
const inCharset = (charset: string, content: string) => `${TEXT}; charset=${charset}\r\n\r\n${content}\r\n`
const digest = (count: number, fields: string) =>
  `${HEAD}Content-Type: multipart/digest; boundary=b\r\n\r\n${`--b\r\n\r\n${fields}${BODY}`.repeat(count)}--b--\r\n`
const nestedParts = (depth: number) =>
  `${HEAD}${times(depth, (n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`)}${TEXT}${BODY}${times(
    depth,
    (n) => `\r\n--b${depth - 1 - n}--\r\n`,
  )}`
const message = 'Content-Type: message/rfc822\r\n'

type Bombs = Readonly<Record<string, () => string>>

const PARTS: Bombs = {
  'multiparts in 20,000 levels': () => nestedParts(20_000),
  'messages in 20,000 levels': () => `${HEAD}${message}\r\n${`${message}\r\n`.repeat(20_000)}\r\nx\r\n`,
  'messages in 100 levels, inline': () =>
    `${HEAD}${`Subject: s\r\n${message}Content-Disposition: inline\r\n\r\n`.repeat(100)}\r\nx\r\n`,
  '1,000,000 parts': () => `${MIXED}${'--b\r\n\r\nx\r\n'.repeat(1_000_000)}--b--\r\n`,
  '4,000,000 delimiters': () => MIXED + '--b\r\n'.repeat(4_000_000),
  'one boundary in 10,000 levels': () =>
    `${HEAD}${'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n'.repeat(10_000)}\r\nx\r\n`,
  'lines of dashes': () => MIXED + '--\r\n'.repeat(9_000_000),
  'long lines that begin like delimiters': () => MIXED + `--${'x'.repeat(990)}\r\n`.repeat(38_000),
  '999 names of 25,000 control characters': () => parts(999, `Content-Type: a/b; name="${CONTROL.repeat(25_000)}"`),
  '999 names of 39,000 control characters': () => parts(999, `Content-Type: a/b; name="${CONTROL.repeat(39_000)}"`),
  '999 names of 39,000 letters': () => parts(999, `Content-Type: a/b; name="${'a'.repeat(39_000)}"`),
  '140 parts with a header of 250 KB': () => parts(140, `Content-Description: ${'d'.repeat(250_000)}`),
  '400 messages with 4,000 addresses': () =>
    digest(400, `To: ${'a@b.c,'.repeat(2000)}\r\nCc: ${'a@b.c,'.repeat(2000)}`),
  '250 messages with 12,000 addresses': () =>
    digest(
      250,
      ['To', 'Cc', 'Bcc', 'From', 'Sender', 'Reply-To'].map((n) => `${n}: ${'a,'.repeat(2000)}`).join('\r\n'),
    ),
}

const FIELDS: Bombs = {
  'one field of 36 MB': () => `Subject: ${`${'a'.repeat(900)}\r\n `.repeat(40_000)}x\r\n\r\nbody\r\n`,
  '6,000,000 fields': () => `${'a: b\r\n'.repeat(6_000_000)}\r\nbody\r\n`,
  '1,000,000 Received': () => `${'Received: x\r\n'.repeat(1_000_000)}\r\nbody\r\n`,
  '1,000,000 addresses': () => `To: ${'a@b.test,\r\n '.repeat(1_000_000)}z@b.test${BODY}`,
  'To of parentheses': () => `To: ${'('.repeat(250_000)}${BODY}`,
  'To of quotes': () => `To: ${'"\\'.repeat(125_000)}${BODY}`,
  'To of angles': () => `To: ${'<'.repeat(250_000)}${BODY}`,
  'To of groups': () => `To: ${'a:'.repeat(80_000)}${';'.repeat(80_000)}${BODY}`,
  'To of @': () => `To: ${'@'.repeat(250_000)}${BODY}`,
  'To of words': () => `To: ${'a '.repeat(125_000)}${BODY}`,
  'From of escapes in a comment': () => `From: ${'(\\'.repeat(125_000)}${BODY}`,
  '50,000 parameters': () => `Content-Type: text/plain${'; a=b'.repeat(50_000)}${BODY}`,
  'a parameter of =': () => `Content-Type: text/plain; ${'='.repeat(250_000)}${BODY}`,
  '20,000 pieces of a parameter': () => `Content-Type: text/plain${times(20_000, (n) => `; name*${n}*=%41`)}${BODY}`,
  'a parameter of escaped quotes': () => `Content-Type: text/plain; name="${'\\"'.repeat(125_000)}${BODY}`,
  'parameters of ;': () => `Content-Type: text/plain${';'.repeat(250_000)}a=b${BODY}`,
  'a disposition of parentheses': () => `Content-Disposition: ${'('.repeat(250_000)}${BODY}`,
  '14,000 encoded words': () => `Subject: ${'=?utf-8?Q?=41?= '.repeat(14_000)}${BODY}`,
  'a subject of =?': () => `Subject: ${'=?'.repeat(120_000)}${BODY}`,
  'a subject of =?a?q?': () => `Subject: ${'=?a?q?'.repeat(40_000)}${BODY}`,
  'blanks between encoded words': () => `Subject: =?utf-8?Q?a?=${' '.repeat(200_000)}=?utf-8?Q?a?=${BODY}`,
  '8,000 charsets': () => `Subject: ${times(8000, (n) => `=?c${n}?Q?a?= `)}${BODY}`,
  '50,000 References': () => `References: ${'<a@b>'.repeat(50_000)}${BODY}`,
  'References of <': () => `References: ${'<'.repeat(250_000)}${BODY}`,
  'a Message-ID of 998': () => `Message-ID: <${'a'.repeat(998)}>\r\nIn-Reply-To: <${'b'.repeat(900)}>${BODY}`,
  'a date in 100,000 comments': () => `Date: ${'('.repeat(100_000)}${')'.repeat(100_000)}${BODY}`,
}

const TEXTS: Bombs = {
  '200,000 images of one part': () =>
    `${HEAD}Content-Type: multipart/related; boundary=b\r\n\r\n${HTML_LEAF}${'<img src=cid:x>'.repeat(200_000)}\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <x>\r\nContent-Transfer-Encoding: base64\r\n\r\n${`${'QUFB'.repeat(19)}\r\n`.repeat(10_000)}--b--\r\n`,
  'HTML of 6,900,000 <div>': () =>
    `${HEAD}Content-Type: text/html\r\n\r\n${`${'<div>'.repeat(15)}\r\n`.repeat(460_000)}`,
  'HTML of 33,000,000 <': () => `${MIXED}${HTML_LEAF}${`${'<'.repeat(76)}\r\n`.repeat(440_000)}--b--\r\n`,
  'HTML of attributes': () => html(`<a${' href'.repeat(700_000)}>x</a><img${' alt=\r\n'.repeat(100_000)}>`),
  'HTML of blanks in <pre>': () => html(`<pre>${`a${' '.repeat(50)}<br>`.repeat(60_000)}`),
  'HTML of blanks': () => html(`${' '.repeat(900)}\r\n`.repeat(4400)),
  'HTML of entities': () => html(`${'&'.repeat(76)}\r\n`.repeat(50_000) + `${'&amp'.repeat(19)}\r\n`.repeat(50_000)),
  'HTML of styles': () => html(`${'<style></style>'.repeat(5)}\r\n`.repeat(50_000)),
  'HTML of comments': () => html(`${'<!--'.repeat(19)}\r\n`.repeat(50_000)),
  '9,000,000 flowed lines': () => inCharset('utf-8; format=flowed', 'a \r\n'.repeat(9_000_000)),
  '990 levels of quotes': () => inCharset('utf-8; format=flowed', `${'>'.repeat(990)}\r\n`.repeat(4000)),
  'quoted-printable of blanks': () => encoded('quoted-printable', `${' '.repeat(38_000_000)}x\r\n`),
  'quoted-printable of =': () => encoded('quoted-printable', `${'= '.repeat(19_000_000)}\r\n`),
  'quoted-printable of soft breaks': () => encoded('quoted-printable', '=\r\n'.repeat(12_000_000)),
  'base64 of 38 MB': () => encoded('base64', `${'QUFB'.repeat(19)}\r\n`.repeat(500_000)),
  'base64 of stars': () => encoded('base64', `${'*'.repeat(38_000_000)}\r\n`),
  'UTF-7': () => inCharset('utf-7', '+ADw-script+AD4-'),
  'UTF-16 of 38 MB': () => inCharset('utf-16le', 'a'.repeat(38_000_000)),
  'ISO-2022-JP of escapes': () => inCharset('iso-2022-jp', '\x1b$B'.repeat(5_000_000)),
  'GB18030 of halves': () => inCharset('gb18030', '\x81\x30'.repeat(10_000_000)),
  'one line of 39 MB': () => `Subject: x\r\n\r\n${'a'.repeat(39_000_000)}\r\n`,
  'a header without an end': () => `${'a'.repeat(39_000_000)}\r\n`,
  '19,000,000 empty lines': () => `Subject: x\r\n\r\n${'\r\n'.repeat(19_000_000)}`,
  '9,000,000 lines of dots': () => `Subject: x\r\n\r\n${'..\r\n'.repeat(9_000_000)}`,
  '1,000,000 NUL': () => `Subject: x\r\n\r\n${'\0'.repeat(1_000_000)}\r\n`,
}

/** By group, then by name. */
export const MIME_BOMBS: Readonly<Record<string, Bombs>> = { parts: PARTS, fields: FIELDS, texts: TEXTS }
