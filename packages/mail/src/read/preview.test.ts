import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexMessage } from '../mime/indexer.ts'
import { readBytes } from './message.ts'

const html = (body: string) => `Content-Type: text/html\r\n\r\n${body}`

const CASES: readonly { name: string; raw: string; text: string }[] = [
  { name: 'white space is one blank', raw: '\r\n\r\n a \r\n\r\n b\t', text: 'a b' },
  {
    name: 'tags, styles and comments go',
    raw: html('<head><title>t</title></head><style>p{}</style><!-- <b>x</b> --><p>a<br>b</p> c<d'),
    text: 'a b c',
  },
  {
    name: 'a style sheet that is longer than a glance',
    raw: html(`<style>${'p{color:red}'.repeat(1000)}</style><p>a</p>`),
    text: 'a',
  },
  {
    name: 'words up to where a glance ends, in a tag',
    raw: html(`${'<p>word</p>'.repeat(745)}<a href="https://x.test/">b`),
    text: 'word '.repeat(40).trim(),
  },
  {
    name: 'less than is no tag',
    raw: html('1 < 2 &lt;3 &amp;&nbsp;4 &#x2713;&#10003; &unknown; &#0;'),
    text: '1 < 2 <3 & 4 ✓✓ &unknown;',
  },
  { name: 'an unclosed style hides the rest', raw: html('a<style>b'), text: 'a' },
  { name: 'padding of newsletters', raw: html('Hi&zwnj;&nbsp;\u034f \u200c\ufeff there'), text: 'Hi there' },
  {
    name: 'plain goes before HTML',
    raw: 'Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\nh\r\n--b\r\n\r\np\r\n--b--',
    text: 'p',
  },
  {
    name: 'HTML where the plain text beside it is blank',
    raw: `Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n \r\n--b\r\n${html('h')}\r\n--b--`,
    text: 'h',
  },
  { name: 'attachments are not read', raw: 'Content-Disposition: attachment\r\n\r\nx', text: '' },
  {
    name: 'encodings',
    raw: 'Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9',
    text: 'café',
  },
  { name: 'a thousand blanks before the first word', raw: `\r\n${' \u200c'.repeat(600)}Hi`, text: 'Hi' },
  { name: 'blanks among many words', raw: `\r\n${`a${' '.repeat(9)}`.repeat(200)}`, text: 'a '.repeat(100).trim() },
  {
    name: 'pairs of surrogates up to where a glance ends',
    raw: `\r\nx${'😀'.repeat(600)}`,
    text: `x${'😀'.repeat(199)}`,
  },
  { name: 'at most 200 characters', raw: `\r\n${'✓'.repeat(300)}`, text: '✓'.repeat(200) },
]

for (const { name, raw, text } of CASES) {
  test(`preview: ${name}`, async () => {
    const bytes = Buffer.from(raw)
    const { preview } = await readBytes(indexMessage(bytes), bytes)
    assert.equal(preview, text)
  })
}
