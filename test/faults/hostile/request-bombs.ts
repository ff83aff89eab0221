/** Bodies of POST /emails that are cheap to send and dear to read, and HTML that is dear to convert. */

const mail = { from: 'eve@mallory.test', to: 'delivered@resend.dev', subject: 's', text: 't' }
const withField = (fields: object) => JSON.stringify({ ...mail, ...fields })
const filled = <T>(count: number, value: T) => Array<T>(count).fill(value)
const fields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`X-${n}`, 'v']))
const nestedIn = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth)

type Texts = Readonly<Record<string, () => string>>

export const JSON_BOMBS: Texts = {
  '13,000,000 objects': () => `[${'{},'.repeat(13_000_000)}{}]`,
  '13,000,000 arrays': () => `[${'[],'.repeat(13_000_000)}[]]`,
  '20,000,000 levels of arrays': () => nestedIn('[', ']', 20_000_000),
  '1,000,000 levels of objects': () => `${'{"a":'.repeat(1_000_000)}1${'}'.repeat(1_000_000)}`,
  '1,000,000 levels in html': () => `{"html":${nestedIn('[', ']', 1_000_000)}}`,
  '100,000 levels in a header': () => `{"headers":${nestedIn('{"a":', '}', 100_000).replace(':}', ':1}')}}`,
  '40,000,000 opening brackets': () => '['.repeat(40_000_000),
  '4,000,000 names': () => `{${Array.from({ length: 4_000_000 }, (_, n) => `"${n.toString(36)}":1`).join(',')}}`,
  'a number of 100,000 digits': () => `{"from":${'9'.repeat(100_000)}}`,
  '41 MB of blanks': () => ' '.repeat(41_000_000),
  '41 MB of text': () => withField({ text: 'a'.repeat(41_000_000) }),
  '6,500,000 NUL in escapes': () => withField({ text: '\0'.repeat(6_500_000) }),
  '100,000 recipients': () => withField({ to: filled(100_000, mail.to) }),
  '100,000 addresses for replies': () => withField({ reply_to: filled(100_000, mail.to) }),
  '100,000 tags': () => withField({ tags: filled(100_000, { name: 'a', value: 'b' }) }),
  '100,000 headers': () => withField({ headers: fields(100_000) }),
  '100,000 attachments': () => withField({ attachments: filled(100_000, { content: 'eA==' }) }),
  'an attachment of 5,000,000 numbers': () =>
    withField({ attachments: [{ content: { type: 'Buffer', data: filled(5_000_000, 1) } }] }),
  'an attachment of 29 MB': () =>
    withField({ attachments: [{ content: Buffer.alloc(29_000_000).toString('base64') }] }),
  '30 MB of base64 with an error at its end': () =>
    withField({ attachments: [{ content: `${'a'.repeat(30_000_000)}*` }] }),
}

const HTML_BYTES = 4_190_000
const full = (piece: string) => piece.repeat(Math.floor(HTML_BYTES / piece.length))

export const HTML_BOMBS: Texts = {
  'div in div': () => full('<div>'),
  'b in b': () => full('<b>'),
  'a in a': () => full('<a href=x>'),
  'table in table': () => full('<table><tr><td>'),
  '1,000 tables in each other': () => '<table><tr><td>'.repeat(1000),
  'a row of cells': () => `<table><tr>${full('<td>x')}</table>`,
  'a table of rows': () => `<table>${full('<tr><td>x')}</table>`,
  'cells over 1,000 rows and columns': () => `<table><tr>${'<td colspan=1000 rowspan=1000>x'.repeat(2000)}</table>`,
  'a cell over 100,000,000 rows and columns': () => '<table><tr><td colspan=100000000 rowspan=100000000>x</table>',
  'a list of items': () => `<ol>${full('<li>x')}`,
  'list in list': () => full('<ol><li>'),
  'a list from 999,999,999': () => `<ol start=999999999>${'<li>x'.repeat(10_000)}</ol>`,
  'a list in Roman numerals from 99,999,999': () => `<ol type=I start=99999999>${'<li>x'.repeat(1000)}</ol>`,
  'a list in letters from 1e300': () => `<ol type=a start=1e300>${'<li>x'.repeat(100)}</ol>`,
  br: () => full('<br>'),
  p: () => full('<p>'),
  'a word': () => full('a'),
  blanks: () => full(' '),
  'short words': () => full('a '),
  'no-break spaces': () => full('&nbsp;'),
  ampersands: () => full('&'),
  'opening angles': () => full('<'),
  'opening declarations': () => full('<!'),
  'opening comments': () => full('<!--'),
  'opening CDATA': () => full('<![CDATA['),
  'attributes of one tag': () => `<a ${full('b=c ')}>`,
  'an attribute of quotes': () => `<a href="${full("'")}`,
  styles: () => full('<style>'),
  scripts: () => full('<script>'),
  'a long link': () => `<a href="${full('x').slice(0, -20)}">y</a>`,
  links: () => full('<a href=http://x.y/z>q</a>'),
  'words of 5,000 letters': () => `${'x'.repeat(5000)} `.repeat(800),
  'lines in pre': () => `<pre>${full('a\n')}</pre>`,
  blockquotes: () => full('<blockquote>'),
  headings: () => full('<h1>x</h1>'),
  rules: () => full('<hr>'),
  images: () => full('<img src=x alt=y>'),
  bodies: () => full('<body>'),
  'html and body': () => full('<html><body>'),
  classes: () => full('<x class="a b c" id=d>'),
  'p in svg': () => full('<svg><p>'),
  'numeric entities': () => full('&#x41;'),
  'combining accents': () => full('\u0301'),
  'zero-width spaces': () => full('\u200b'),
  newlines: () => full('\n'),
  'blanks of all kinds': () => `${full('\n \t')}x`,
}

export const requestWithHtml = (html: string) => JSON.stringify({ ...mail, text: undefined, html })
