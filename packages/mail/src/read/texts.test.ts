import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexMessage } from '../mime/indexer.ts'
import { readBytes } from './message.ts'

const read = async (raw: string | Buffer) => {
  const bytes = typeof raw === 'string' ? Buffer.from(raw, 'latin1') : raw
  const { html, text } = await readBytes(indexMessage(bytes), bytes)
  return { html, text }
}
const of = (type: string, ...lines: readonly string[]) => [`Content-Type: ${type}`, ...lines].join('\r\n')
const multipart = (subtype: string, ...parts: readonly string[]) => {
  const boundary = `=${subtype}`
  return `Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n\r\n${parts
    .map((part) => `--${boundary}\r\n${part}\r\n`)
    .join('')}--${boundary}--\r\n`
}

const PLAIN = of('text/plain', '', 'plain')
const HTML = of('text/html', '', '<p>html</p>')
const FOOTER = of('text/plain', '', 'To leave the list <write> to us')

const CASES: readonly { name: string; raw: string; html: string | null; text: string | null }[] = [
  { name: 'plain alone', raw: 'Subject: x\r\n\r\na\r\nb\r\n', html: null, text: 'a\nb\n' },
  { name: 'HTML alone is not converted', raw: HTML, html: '<p>html</p>', text: null },
  { name: 'alternatives are one text', raw: multipart('alternative', PLAIN, HTML), html: '<p>html</p>', text: 'plain' },
  {
    name: 'a footer after alternatives is in both',
    raw: multipart('mixed', multipart('alternative', PLAIN, HTML), FOOTER),
    html: '<p>html</p><br/>\n<p>To leave the list &lt;write&gt; to us</p>',
    text: 'plain\nTo leave the list <write> to us',
  },
  {
    name: 'a footer after HTML alone is not taken for the mail',
    raw: multipart('mixed', multipart('related', HTML), FOOTER),
    html: '<p>html</p><br/>\n<p>To leave the list &lt;write&gt; to us</p>',
    text: 'html\nTo leave the list <write> to us',
  },
  {
    name: 'a footer after a multipart/alternative of one form is not taken for the mail',
    raw: multipart('mixed', multipart('alternative', HTML), FOOTER),
    html: '<p>html</p><br/>\n<p>To leave the list &lt;write&gt; to us</p>',
    text: 'html\nTo leave the list <write> to us',
  },
  {
    name: 'HTML in pieces around a picture is one form of the plain text beside it',
    raw: multipart('alternative', PLAIN, multipart('mixed', HTML, of('image/png', '', 'x'), HTML)),
    html: '<p>html</p><br/>\n<p>html</p>',
    text: 'plain',
  },
  {
    name: 'an empty form counts as missing',
    raw: multipart('mixed', multipart('alternative', of('text/plain', '', ''), HTML), FOOTER),
    html: '<p>html</p><br/>\n<p>To leave the list &lt;write&gt; to us</p>',
    text: 'html\nTo leave the list <write> to us',
  },
  {
    name: 'texts with a file name are shown in place, attachments are not',
    raw: multipart(
      'mixed',
      PLAIN,
      of('text/html; name=a.html', 'Content-Disposition: inline', '', '<i>a</i>'),
      of('text/plain', 'Content-Disposition: attachment', '', 'b'),
    ),
    html: '<p>plain</p><br/>\n<i>a</i>',
    text: 'plain\na',
  },
  {
    name: 'a message shown in place has its header before it',
    raw: multipart(
      'mixed',
      PLAIN,
      of(
        'message/rfc822',
        'Content-Disposition: inline',
        '',
        'From: =?utf-8?Q?B=C3=A9?= <b@x.test>',
        'Subject: inner',
        HTML,
      ),
    ),
    html: '<p>plain</p><br/>\n<p>From: Bé &lt;b@x.test&gt;<br/>Subject: inner</p><br/>\n<p>html</p>',
    text: 'plain\nFrom: Bé <b@x.test>\nSubject: inner\n\nhtml',
  },
  {
    name: 'a message without a disposition is an attachment',
    raw: multipart('mixed', PLAIN, of('message/rfc822', '', 'Subject: inner', '', 'inner')),
    html: null,
    text: 'plain',
  },
  {
    name: 'messages of a digest are shown',
    raw: multipart('digest', '\r\nSubject: one\r\n\r\nfirst', '\r\nSubject: two\r\n\r\nsecond'),
    html: null,
    text: 'Subject: one\n\nfirst\nSubject: two\n\nsecond',
  },
  {
    name: 'a delivery status is shown',
    raw: multipart(
      'report; report-type=delivery-status',
      PLAIN,
      of('message/delivery-status', '', 'Reporting-MTA: dns; x.test', '', 'Action: failed', 'Status: 5.1.1'),
      of('message/rfc822', '', 'Subject: ours', '', 'ours'),
    ),
    html: null,
    text: 'plain\nReporting-MTA: dns; x.test\n\nAction: failed\nStatus: 5.1.1',
  },
  {
    name: 'pictures stay cid: addresses',
    raw: multipart(
      'related',
      of('text/html', '', '<img src="cid:a@x">'),
      of('image/png', 'Content-ID: <a@x>', '', 'x'),
    ),
    html: '<img src="cid:a@x">',
    text: null,
  },
  {
    name: 'flowed lines are paragraphs',
    raw: of('text/plain; charset=utf-8; Format=Flowed', '', 'one ', 'two', 'three'),
    html: null,
    text: 'one two\nthree',
  },
  {
    name: 'flowed lines of a language without blanks',
    raw: of('text/plain; format=flowed; delsp=yes', '', 'one ', 'two'),
    html: null,
    text: 'onetwo',
  },
  {
    name: 'a boundary in segments (RFC 2231)',
    raw: 'Content-Type: multipart/mixed; boundary*0=a;\r\n boundary*1=b\r\n\r\n--ab\r\n\r\nx\r\n--ab--',
    html: null,
    text: 'x',
  },
  {
    name: 'a malformed type means plain text',
    raw: of('nonsense', '', 'still read'),
    html: null,
    text: 'still read',
  },
  {
    name: 'a flowed text keeps the end of its last line',
    raw: of('text/plain; format=flowed', '', 'one ', 'two', ''),
    html: null,
    text: 'one two\n',
  },
  {
    name: 'quotes flow by themselves, and a signature ends a paragraph',
    raw: of('text/plain; format=flowed; delsp=yes', '', '> a ', '> b', 'c', '-- ', 'Ada'),
    html: null,
    text: '> ab\nc\n-- \nAda',
  },
  {
    name: 'the delivery status of a message with addresses beyond ASCII is shown too',
    raw: multipart(
      'report; report-type=delivery-status',
      PLAIN,
      of('message/global-delivery-status', '', 'Status: 5.1.1'),
    ),
    html: null,
    text: 'plain\nStatus: 5.1.1',
  },
  { name: 'NUL is no text', raw: 'Subject: x\r\n\r\na\0b', html: null, text: 'a\ufffdb' },
  { name: 'no character set, and not UTF-8', raw: 'Subject: x\r\n\r\ncaf\xe9', html: null, text: 'café' },
  {
    name: 'UTF-8 that is declared as ASCII',
    raw: of('text/plain; charset=us-ascii', '', 'caf\xc3\xa9'),
    html: null,
    text: 'café',
  },
  {
    name: 'a set of two bytes, in quoted-printable',
    raw: of('text/html; charset=shift_jis', 'Content-Transfer-Encoding: quoted-printable', '', '=93=FA=96=7B'),
    html: '日本',
    text: null,
  },
  {
    name: 'padding in the middle of base64',
    raw: of('text/plain', 'Content-Transfer-Encoding: base64', '', 'YQ==', 'Yg=='),
    html: null,
    text: 'ab',
  },
]

for (const { name, raw, html, text } of CASES) {
  test(`texts: ${name}`, async () => assert.deepEqual(await read(raw), { html, text }))
}
