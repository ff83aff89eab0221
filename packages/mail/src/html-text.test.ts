import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readableText } from './html-text.ts'

const CASES: readonly (readonly [name: string, html: string, text: string])[] = [
  ['white space is one blank', ' a \n b\t<b>c</b> d ', 'a b c d'],
  ['paragraphs and lines', '<p>a</p><p>b<br>c</p><div>d</div><div>e</div>f', 'a\n\nb\nc\n\nd\ne\nf'],
  ['at most one empty line', 'a<br><br><br><br>b', 'a\n\nb'],
  ['headings and rules', '<h1>Title</h1>text<hr>more', `Title\n\ntext\n${'-'.repeat(40)}\nmore`],
  ['lists', '<ul><li>one</li><li><p>two</p></li></ul><ol><li>a<li>b</ol>', '* one\n * two\n\n 1. a\n 2. b'],
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

for (const [name, html, text] of CASES) test(`HTML as text: ${name}`, () => assert.equal(readableText(html), text))

test('HTML that no one writes takes no time', () => {
  const hostile = [
    '<',
    '<a ',
    '<ul><li>',
    '<a href="https://x">',
    '<style>',
    '<style></style>',
    '<!--',
    '&',
    '<br>',
    '<pre> \n',
  ]
  for (const piece of hostile) {
    const from = performance.now()
    readableText(piece.repeat(Math.floor(1_000_000 / piece.length)))
    assert.ok(performance.now() - from < 2_000, piece)
  }
})
