/** Mail that a stranger sends to cost as much as it can: at most 40 MB each, which is what the listener accepts. */

const HEAD = 'From: eve@far.test\r\nTo: ada@kabutar.test\r\nSubject: bomb\r\nMIME-Version: 1.0\r\n'
const MIXED = `${HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n`
const DIGEST = `${HEAD}Content-Type: multipart/digest; boundary=b\r\n\r\n`
const MESSAGE = 'Content-Type: message/rfc822\r\n'
const INLINE = 'Content-Disposition: inline\r\n'
/** HTML beside a plain text, so that both are converted into the other. */
const html = (text: string) =>
  `${MIXED}--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\n${text}\r\n--b--\r\n`
const plain = (type: string, encoding: string, body: string) =>
  `${HEAD}Content-Type: text/plain${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n`
const field = (name: string, value: string) => `${name}: ${value}\r\n\r\nx\r\n`
const parts = (count: number, part: (n: number) => string) => `${MIXED}${numbered(count, part)}--b--\r\n`
const numbered = (count: number, text: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => text(n)).join('')
const nested = (levels: number) =>
  HEAD +
  numbered(levels, (n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`) +
  '\r\nx\r\n' +
  numbered(levels, (n) => `\r\n--b${levels - 1 - n}--\r\n`)

/** By name: a text of one character per octet. */
export const MAIL_BOMBS: Readonly<Record<string, () => string>> = {
  '20,000 nested multiparts': () => nested(20_000),
  '20,000 nested messages': () => `${HEAD}${MESSAGE}\r\n${`${MESSAGE}\r\n`.repeat(20_000)}\r\nx\r\n`,
  '100 nested messages in place': () =>
    `${HEAD}${MESSAGE}${INLINE}\r\n${`Subject: s\r\n${MESSAGE}${INLINE}\r\n`.repeat(99)}\r\nx\r\n`,
  '1,000,000 parts': () => `${MIXED}${'--b\r\n\r\nx\r\n'.repeat(1e6)}--b--\r\n`,
  '4,000,000 delimiters': () => MIXED + '--b\r\n'.repeat(4e6),
  'one boundary 10,000 deep': () =>
    `${HEAD}${'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n'.repeat(10_000)}\r\nx\r\n`,
  'one field of 38 MB': () => field('Subject', `${`${'a'.repeat(900)}\r\n `.repeat(40_000)}x`),
  '6,000,000 fields': () => `${'a: b\r\n'.repeat(6e6)}\r\nx\r\n`,
  '1,000,000 Received': () => `${'Received: x\r\n'.repeat(1e6)}\r\nx\r\n`,
  '1,000,000 addresses': () => field('To', `${'a@b.test,\r\n '.repeat(1e6)}z@b.test`),
  '20,000 short addresses': () => field('To', `${'a@b.cd,'.repeat(20_000)}z@b.test`),
  '100,000 commas': () => field('To', 'a,'.repeat(100_000)),
  'To of parentheses': () => field('To', '('.repeat(250_000)),
  'To of quotes': () => field('To', '"\\'.repeat(125_000)),
  'To of brackets': () => field('To', '<'.repeat(250_000)),
  'To of groups': () => field('To', 'a:'.repeat(80_000) + ';'.repeat(80_000)),
  'To of @': () => field('To', '@'.repeat(250_000)),
  'To of words': () => field('To', 'a '.repeat(125_000)),
  'From of escapes': () => field('From', '(\\'.repeat(125_000)),
  '50,000 parameters': () => field('Content-Type', `text/plain${'; a=b'.repeat(50_000)}`),
  'a parameter of =': () => field('Content-Type', `text/plain; ${'='.repeat(250_000)}`),
  '20,000 pieces of a parameter': () =>
    field('Content-Type', `text/plain${numbered(20_000, (n) => `; name*${n}*=%41`)}`),
  'a parameter of escapes': () => field('Content-Type', `text/plain; name="${'\\"'.repeat(125_000)}`),
  'empty parameters': () => field('Content-Type', `text/plain${';'.repeat(250_000)}a=b`),
  'a disposition of parentheses': () => field('Content-Disposition', '('.repeat(250_000)),
  '14,000 encoded words': () => field('Subject', '=?utf-8?Q?=41?= '.repeat(14_000)),
  'Subject of =?': () => field('Subject', '=?'.repeat(120_000)),
  'Subject of =?a?q?': () => field('Subject', '=?a?q?'.repeat(40_000)),
  'blanks in an encoded word': () => field('Subject', `=?utf-8?Q?a?=${' '.repeat(200_000)}=?utf-8?Q?a?=`),
  '8,000 charsets': () =>
    field(
      'Subject',
      numbered(8000, (n) => `=?c${n}?Q?a?= `),
    ),
  '50,000 References': () => field('References', '<a@b>'.repeat(50_000)),
  'References of <': () => field('References', '<'.repeat(250_000)),
  'Date of parentheses': () => field('Date', '('.repeat(100_000) + ')'.repeat(100_000)),
  '200,000 images in place': () =>
    `${HEAD}Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n${'<img src=cid:x>\r\n'.repeat(200_000)}--b\r\nContent-Type: image/png\r\nContent-ID: <x>\r\nContent-Transfer-Encoding: base64\r\n\r\n${`${'QUFB'.repeat(19)}\r\n`.repeat(10_000)}--b--\r\n`,
  'HTML: 35 MB of div': () => html(`${'<div>'.repeat(15)}\r\n`.repeat(460_000)),
  'HTML: 2 MB of nested tables': () => html(`${'<table><tr><td>'.repeat(5)}\r\n`.repeat(27_000)),
  'HTML: <': () => html(`${'<'.repeat(76)}\r\n`.repeat(440_000)),
  'HTML: attributes': () => html(`<a${' href'.repeat(700_000)}>x</a><img${' alt=\r\n'.repeat(100_000)}>`),
  'HTML: preformatted': () => html(`<pre>${`a${' '.repeat(50)}<br>`.repeat(60_000)}`),
  'HTML: blanks': () => html(`${' '.repeat(900)}\r\n`.repeat(4400)),
  'HTML: entities': () => html(`${'&'.repeat(76)}\r\n`.repeat(50_000) + `${'&amp'.repeat(19)}\r\n`.repeat(50_000)),
  'HTML: styles': () => html(`${'<style></style>'.repeat(5)}\r\n`.repeat(50_000)),
  'HTML: comments': () => html(`${'<!--'.repeat(19)}\r\n`.repeat(50_000)),
  'flowed: 36 MB of short lines': () => plain('; format=flowed', '7bit', 'a \r\n'.repeat(9e6)),
  'flowed: quotes': () => plain('; format=flowed', '7bit', `${'>'.repeat(990)}\r\n`.repeat(4000)),
  'quoted-printable: blanks': () => plain('', 'quoted-printable', `${' '.repeat(38e6)}x`),
  'quoted-printable: =': () => plain('', 'quoted-printable', '= '.repeat(19e6)),
  'quoted-printable: soft breaks': () => plain('', 'quoted-printable', '=\r\n'.repeat(12e6)),
  'base64 text of 39 MB': () => plain('', 'base64', `${'QUFB'.repeat(19)}\r\n`.repeat(5e5)),
  'base64 of other characters': () =>
    `${HEAD}Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${'*'.repeat(38e6)}\r\n`,
  'base64 of padding': () =>
    `${HEAD}Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${`${'QQ=='.repeat(19)}\r\n`.repeat(5e5)}`,
  'utf-16': () => plain('; charset=utf-16le', '7bit', 'a'.repeat(38e6)),
  'utf-7': () => plain('; charset=utf-7', '7bit', '+ADw-'.repeat(7e6)),
  'iso-2022-jp': () => plain('; charset=iso-2022-jp', '7bit', '\x1b$B'.repeat(5e6)),
  gb18030: () => plain('; charset=gb18030', '8bit', '\x81\x30'.repeat(1e7)),
  'one line of 39 MB': () => `Subject: x\r\n\r\n${'a'.repeat(39e6)}\r\n`,
  'a header without an end': () => `${'a'.repeat(39e6)}\r\n`,
  '19,000,000 line ends': () => `Subject: x\r\n\r\n${'\r\n'.repeat(19e6)}`,
  dots: () => `Subject: x\r\n\r\n${'..\r\n'.repeat(7e6)}`,
  dashes: () => MIXED + '--\r\n'.repeat(9e6),
  'long delimiters': () => MIXED + `--${'x'.repeat(1090)}\r\n`.repeat(35_000),
  '999 names of 25,000 controls': () =>
    parts(999, () => `--b\r\nContent-Type: a/b; name="${'\u0001'.repeat(25_000)}"\r\n\r\n\r\n`),
  '999 names of 39,000 letters': () =>
    parts(999, () => `--b\r\nContent-Type: a/b; name="${'a'.repeat(39_000)}"\r\n\r\n\r\n`),
  '999 names of encoded words': () =>
    parts(999, () => `--b\r\nContent-Type: a/b; name="${'=?utf-8?Q?=41?= '.repeat(120)}"\r\n\r\n\r\n`),
  '140 headers of 250 KB': () => parts(140, () => `--b\r\nContent-Description: ${'d'.repeat(250_000)}\r\n\r\n\r\n`),
  'a digest with 1,600,000 addresses': () =>
    `${DIGEST}${`--b\r\n\r\nTo: ${'a@b.c,'.repeat(2000)}\r\nCc: ${'a@b.c,'.repeat(2000)}\r\n\r\nx\r\n`.repeat(400)}--b--\r\n`,
  '8 texts of 1 MB': () =>
    parts(
      8,
      () => `--b\r\nContent-Type: text/html; charset=windows-1252\r\n\r\n${'<p>é und ü</p>\r\n'.repeat(70_000)}\r\n`,
    ),
  NUL: () => `Subject: x\r\n\r\n${'\0'.repeat(1e6)}\r\n`,
}
