import assert from 'node:assert/strict'
import { test } from 'node:test'
import { htmlToText } from './html-to-text.ts'

const CASES: readonly (readonly [name: string, html: string, text: string])[] = [
  ['white space is one blank', ' a \n b\t<b>c</b> d ', 'a b c d'],
  ['paragraphs and lines', '<p>a</p><p>b<br>c</p><div>d</div><div>e</div>f', 'a\n\nb\nc\n\nd\ne\nf'],
  ['at most one empty line', 'a<br><br><br><br>b', 'a\n\nb'],
  ['headings and rules', '<h1>Title</h1>text<hr>more', `Title\n\ntext\n${'-'.repeat(20)}\nmore`],
  ['lists', '<ul><li>one</li><li><p>two</p></li></ul><ol><li>a<li>b</ol>', '* one\n* two\n\n1. a\n2. b'],
  [
    'lists in lists',
    '<ul><li>a<ol><li>b</li><li>c<ul><li>d</li></ul></li></ol></li><li>e</li></ul>f',
    '* a\n  1. b\n  2. c\n    * d\n* e\n\nf',
  ],
  ['quotes', 'a<blockquote>b<br>c<blockquote>d</blockquote></blockquote>e', 'a\n\n> b\n> c\n\n> > d\n\ne'],
  ['closed before it was opened', '</ul></blockquote></pre></a>a</ol><li>b', 'a\n\n* b'],
  [
    'tables',
    '<table><tr><td>Sum</td><td>3 €</td></tr><tr><th>Tax</th><td>1&nbsp;€</td></tr></table>',
    'Sum 3 €\nTax 1 €',
  ],
  [
    'links',
    '<a href="https://x.test/a?b&amp;c">here</a>, <A HREF=mailto:a@x.test>a@x.test</A>',
    'here [https://x.test/a?b&c], a@x.test',
  ],
  ['a link that is its own text', "<a href='https://x.test/'>https://x.test</a>", 'https://x.test'],
  ['a link around a picture', '<a href="https://x.test"><img src="cid:a" alt="Logo"></a>', 'Logo [https://x.test]'],
  ['other addresses', '<a href="#top">up</a> <a href="javascript:x()">go</a> <a name=x>y</a>', 'up go y'],
  ['lines as they are', '<pre>a  b\n c</pre>d', 'a  b\n c\n\nd'],
  ['what is not shown', '<head><title>t</title></head><style>p{}</style><!-- x --><script>1<2</script>a', 'a'],
  [
    'names of letters',
    'caf&eacute; &Eacute;t&eacute; &szlig; &#146;s &frac12; &nope; a&b',
    'café Été ß ’s ½ &nope; a&b',
  ],
  ['less than is no tag', '1 < 2 <3', '1 < 2 <3'],
  ['nothing', '', ''],
]

for (const [name, html, text] of CASES) test(`html to text: ${name}`, () => assert.equal(htmlToText(html), text))

const INVOICE = `<head><style>td { color: red }</style></head><body><table role="presentation"><tr><td>
  <img src="https://x.test/logo.png" alt="Acme"></td></tr><tr><td><h1>Invoice #1042</h1><p>Dear Ada,</p>
  <table><tr><th>Item</th><th>Price</th></tr><tr><td>Pigeon post</td><td>&euro;9.00</td></tr>
  <tr><td>Total</td><td><strong>&euro;9.00</strong></td></tr></table>
  <table><tr><td><a href="https://x.test/pay?t=1&amp;u=2">Pay now</a></td></tr></table>
  <p>Or open <a href="https://x.test/pay">https://x.test/pay</a>.</p><hr><p>&copy; Acme<br>Berlin</p></td></tr></table>`

test('a mail of nested layout tables', () => {
  assert.equal(
    htmlToText(INVOICE),
    `Acme

Invoice #1042

Dear Ada,

Item Price
Pigeon post €9.00
Total €9.00

Pay now [https://x.test/pay?t=1&u=2]

Or open https://x.test/pay.

--------------------

© Acme
Berlin`,
  )
})

test('words only, for a preview', () => {
  const html = '<img alt="Acme"><ul><li><a href="https://x.test">a</a></ul><hr><blockquote>b</blockquote>'
  assert.equal(htmlToText(html, { wordsOnly: true }), 'a\n\nb')
})

const HOSTILE = [
  '<div>',
  '<b>',
  '<a>',
  '<a ',
  '<a href="https://x">',
  '<table>',
  '<table><tr><td>',
  '<tr><td>a</td></tr>',
  '<td>a',
  '<ol>',
  '<ul><li>',
  '</ul>',
  '<blockquote>',
  '<blockquote>a',
  '<body>',
  '<html><body>',
  '<svg><p>',
  '<style>',
  '<style></style>',
  '<!--',
  '<!---->',
  '&',
  '&amp;',
  '<br>',
  '<br>a',
  '<pre> \n',
  '<',
  ' ',
]

test('four times the input takes about four times the time', () => {
  for (const piece of HOSTILE) {
    const [short, long] = [100_000, 400_000].map((length) => piece.repeat(length / piece.length))
    const ratio = fastest(long!) / Math.max(fastest(short!), 5)
    // A quadratic conversion takes 16 times as long.
    assert.ok(ratio < 10, `${piece}: ${ratio.toFixed(1)} times`)
  }
})

test('the text is at most a few times as long as the html', () => {
  for (const piece of HOSTILE) {
    const html = piece.repeat(500_000 / piece.length)
    assert.ok(htmlToText(html).length <= 4 * html.length, piece)
  }
})

/** Milliseconds of CPU, the least of two runs. */
function fastest(html: string): number {
  const runs = Array.from({ length: 2 }, () => {
    const from = process.cpuUsage()
    htmlToText(html)
    const { user, system } = process.cpuUsage(from)
    return (user + system) / 1000
  })
  return Math.min(...runs)
}
