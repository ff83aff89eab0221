import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readLeaf } from './leaf.ts'

const read = async (header: string) => {
  const decoded = await readLeaf({ kind: 'header', fallback: '' }, Buffer.from(header, 'latin1'))
  assert.ok(decoded)
  return decoded
}
const subject = async (value: string) => (await read(`Subject: ${value}\r\n\r\n`)).subject

const b64 = (bytes: string | Buffer) => Buffer.from(bytes).toString('base64')
const long = b64('Ångström über alles')
const jp = (hex: string) => b64(Buffer.from(`1b2442${hex}1b2842`, 'hex'))

const WORDS: readonly (readonly [raw: string, text: string])[] = [
  ['plain', 'plain'],
  ['=?utf-8?Q?a_b=C3=A9?=', 'a bé'],
  ['=?UTF-8?b?4pyT?= x', '✓ x'],
  ['a =?utf-8?q?b?= c', 'a b c'],
  ['=?utf-8?q?a?= =?utf-8?q?b?=', 'ab'],
  ['=?utf-8?q?a?=\t =?iso-8859-1?q?=E9?= c', 'aé c'],
  ['=?utf-8?Q?=E2=9C?= =?utf-8?Q?=93?=', '✓'],
  [`=?utf-8?B?${long.slice(0, 8)}?= =?utf-8?B?${long.slice(8)}?=`, 'Ångström über alles'],
  [
    `=?utf-8?B?${long.slice(0, 7)}?=\r\n =?utf-8?B?${long.slice(7, 17)}?=\r\n =?utf-8?B?${long.slice(17)}?=`,
    'Ångström über alles',
  ],
  [`=?ISO-2022-JP?B?${jp('327135443b714e41')}?=\r\n =?ISO-2022-JP?B?${jp('41774955')}?=`, '会議資料送付'],
  ['=?iso-2022-jp?Q?=1B$B2q5D=1B(B?= =?iso-2022-jp?Q?=1B$B;qNA=1B(B?=', '会議資料'],
  ['=?utf-8*en?Q?x?=', 'x'],
  ['=?gb2312?B?1tDOxA==?=', '中文'],
  ['=?nope?Q?=C3=A9?=', 'é'],
  ['=?iso-8859-1?Q?Gr=C3=BC=C3=9Fe?=', 'Grüße'],
  ['=?iso-8859-1?Q?Fr\xf6sche?=', 'Frösche'],
  ['=?utf-8?Q?Fr\xc3\xb6sche?=', 'Frösche'],
  ['=?us-ascii?Q?caf=E9?=', 'café'],
  ['=?utf-7?Q?Caf+AOk-?=', 'Café'],
  ['=?utf-8?Q?Really??=', 'Really?'],
  ['=?utf-8?Q?a=?=', 'a='],
  ['=?utf-8?Q?broken', '=?utf-8?Q?broken'],
  ['=?utf-8?X?a?=', '=?utf-8?X?a?='],
  ['=?utf-8?Q?=ZZ=4?=', '=ZZ=4'],
  ['=?utf-8?Q??=', ''],
  ['caf\xe9 \xc3\xa9', 'café Ã©'],
  ['\xc3\xa9 =?utf-8?Q?=C3=A9?=', 'é é'],
]

describe('encoded words', () => {
  for (const [raw, text] of WORDS) test(raw, async () => assert.equal(await subject(raw), text))
})

const one = (address: string, name = '') => [{ name, address }]
const ADDRESSES: readonly (readonly [raw: string, list: readonly { name: string; address: string }[]])[] = [
  ['', []],
  [' , ,', []],
  ['a@x.test', one('a@x.test')],
  ['Ann B <a@x.test>, c@y.test', [...one('a@x.test', 'Ann B'), ...one('c@y.test')]],
  ['"B, \\"Ann\\"" <a@x.test>', one('a@x.test', 'B, "Ann"')],
  // RFC 5322 appendix A.5, A.6.3: comments are white space.
  ['a@x.test (Ann (B) C)', one('a@x.test', 'Ann (B) C')],
  ['Ann <a@x.test (home)>', one('a@x.test', 'Ann')],
  ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', one('pete@silly.test', 'Pete')],
  ['Mary <mary@example(a comment).  net>', one('mary@example.net', 'Mary')],
  // Quotes of a local part stay, so that what stands in them is not taken for the address.
  ['"john doe"@x.test', one('"john doe"@x.test')],
  ['"x <boss@corp.test> y"@evil.test', one('"x <boss@corp.test> y"@evil.test')],
  ['"x" <"ceo@bank.test"@evil.test>', one('"ceo@bank.test"@evil.test', 'x')],
  ['Jo <"boss@corp.test, x"@evil.test>', one('"boss@corp.test, x"@evil.test', 'Jo')],
  // A comma in a name without quotes.
  ['Acme, Inc. <billing@acme.test>', one('billing@acme.test', 'Acme, Inc.')],
  ['Roe, Jo <jo@x.test>, Bo <bo@x.test>', [...one('jo@x.test', 'Roe, Jo'), ...one('bo@x.test', 'Bo')]],
  // An encoded word is one token, whatever it holds, and never an address.
  ['=?utf-8?Q?Roe,_Jo_<x@evil.test>?= <jo@x.test>', one('jo@x.test', 'Roe, Jo <x@evil.test>')],
  ['=?utf-8?Q?"Jo"_(Roe);:?= <jo@x.test>', one('jo@x.test', '"Jo" (Roe);:')],
  ['=?utf-8?Q?jo=40x.test?=', one('', 'jo@x.test')],
  ['=?utf-8?Q?Supp=C3=B6rt?=', one('', 'Suppört')],
  ['"=?utf-8?Q?B=C3=A9?=" <a@x.test>', one('a@x.test', 'Bé')],
  [
    `=?utf-8?B?${b64('Jürgen Öz').slice(0, 6)}?= =?utf-8?B?${b64('Jürgen Öz').slice(6)}?= <j@x.test>`,
    one('j@x.test', 'Jürgen Öz'),
  ],
  // Syntax that is not closed or parted.
  ['A B <a@x.test> C D <c@y.test>', [...one('a@x.test', 'A B'), ...one('c@y.test', 'C D')]],
  ['Ann <a@x.test, b@y.test', [...one('a@x.test', 'Ann'), ...one('b@y.test')]],
  ['a@x.test; b@y.test', [...one('a@x.test'), ...one('b@y.test')]],
  ['"unclosed <a@x.test>', one('a@x.test', 'unclosed')],
  ['<a@x.test> Ann', one('a@x.test', 'Ann')],
  ['<@r.test,@s.test:a@x.test>', one('a@x.test')],
  ['T: a@x.test, B <b@y.test>; c@z.test', [...one('a@x.test'), ...one('b@y.test', 'B'), ...one('c@z.test')]],
  ['undisclosed-recipients:;', []],
  ['Jo \\"the\\" Roe <jo@x.test>', one('jo@x.test', 'Jo the Roe')],
  ['just words', one('', 'just words')],
  ['a@[IPv6:1::2]', one('a@[IPv6:1::2]')],
  ['jo@xn--bcher-kva.test', one('jo@xn--bcher-kva.test')],
  ['\xc3\xa9 <\xc3\xa9@\xc3\xa9.test>', one('é@é.test', 'é')],
]

describe('addresses', () => {
  for (const [raw, list] of ADDRESSES) {
    test(raw, async () => assert.deepEqual((await read(`To: ${raw}\r\n\r\n`)).to, list))
  }
  test('a repeated field is one long list', async () => {
    const { cc } = await read('Cc: a@x.test\r\nCC: b@x.test\r\n\r\n')
    assert.deepEqual(cc, [...one('a@x.test'), ...one('b@x.test')])
  })
})

const names = (disposition: readonly [string, string][], contentType: readonly [string, string][] = []) =>
  readLeaf({ kind: 'filename', fallback: '', disposition, contentType }, new Uint8Array(0))

const FILENAMES: readonly (readonly [params: readonly [string, string][], name: string | null])[] = [
  [[['filename', 'a.pdf']], 'a.pdf'],
  [[['filename', '']], null],
  [[['x', 'a']], null],
  [[['filename', 'C:\\dir\\x.txt']], 'C:\\dir\\x.txt'],
  [[['filename', 'a "b" c.pdf']], 'a "b" c.pdf'],
  [[['filename*', "utf-8''na%C3%AFve%20a.pdf"]], 'naïve a.pdf'],
  [
    [
      ['filename*0*', "utf-8''na%C3"],
      ['filename*1*', '%AFve'],
      ['filename*2', ' a.pdf'],
    ],
    'naïve a.pdf',
  ],
  [
    [
      ['filename*1', 'report-'],
      ['filename*2', '2026.pdf'],
    ],
    'report-2026.pdf',
  ],
  [
    [
      ['filename', 'f.pdf'],
      ['filename*', "utf-8''r%C3%A9al.pdf"],
    ],
    'réal.pdf',
  ],
  [
    [
      ['filename*0', '=?UTF-8?Q?r=C3=A9?= =?UTF-8?Q?sum=C3=A'],
      ['filename*1', '9.pdf?='],
    ],
    'résumé.pdf',
  ],
  [[['filename', '=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?= =?ISO-2022-JP?B?GyRCO3FOQRsoQg==?=']], '会議資料'],
  [[['filename', 'na\xc3\xafve \xe2\x82\xac.pdf']], 'naïve €.pdf'],
  [[['filename', '\xe9.txt']], 'é.txt'],
  [[['filename*', "utf-8''a%00b%0Ac"]], 'a\ufffdb c'],
  [[['filename*', "nope''%C3%A9"]], 'é'],
]

describe('file names', () => {
  for (const [params, name] of FILENAMES) {
    test(JSON.stringify(params), async () => assert.equal(await names(params), name))
  }
  test('that of Content-Type counts where the disposition has none', async () => {
    assert.equal(await names([], [['name', 'a.pdf']]), 'a.pdf')
    assert.equal(await names([['filename', '']], [['name', 'a.pdf']]), 'a.pdf')
    assert.equal(await names([['filename', 'b.pdf']], [['name', 'a.pdf']]), 'b.pdf')
  })
})
