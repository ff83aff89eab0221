import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStructured } from './params.ts'

const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1')

const CASES: readonly { name: string; raw: string; value?: string; params: readonly (readonly [string, string])[] }[] =
  [
    { name: 'plain', raw: 'Text/Plain; Charset=UTF-8', value: 'text/plain', params: [['Charset', 'UTF-8']] },
    { name: 'quoted, with escapes', raw: 'a/b; name="a \\"b\\" \\\\ ; c"', params: [['name', 'a "b" \\ ; c']] },
    { name: 'a path in quotes', raw: 'a/b; name="C:\\dir\\x.txt"', params: [['name', 'C:\\dir\\x.txt']] },
    {
      name: 'blanks and parentheses without quotes',
      raw: 'a/b; name=my file (1).pdf; x=y',
      params: [
        ['name', 'my file (1).pdf'],
        ['x', 'y'],
      ],
    },
    { name: 'comments', raw: 'text/plain (a; comment)'.replace(';', ''), value: 'text/plain', params: [] },
    { name: 'a comment after a value', raw: 'text/plain; charset=us-ascii (Plain)', params: [['charset', 'us-ascii']] },
    { name: 'an unclosed quote', raw: 'a/b; name="x', params: [['name', 'x']] },
    {
      name: 'no name, no value, empty pieces',
      raw: 'a/b;; =x; foo; name=; q=1',
      params: [
        ['name', ''],
        ['q', '1'],
      ],
    },
    { name: 'RFC 2231 continuations', raw: 'a/b; url*1="b/c"; URL*0="http://a/"', params: [['url', 'http://a/b/c']] },
    {
      name: 'RFC 2231 character set',
      raw: "a/b; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun",
      params: [['title', 'This is ***fun']],
    },
    {
      name: 'RFC 2231 both, a character cut in two',
      raw: "a/b; title*0*=utf-8'en'%C3; title*1*=%A9%20; title*2=\"isn't%20it\"",
      params: [['title', "é isn't%20it"]],
    },
    {
      name: 'more than ten segments',
      raw: `a/b; ${Array.from({ length: 12 }, (_, i) => `n*${i}=${i}.`).join('; ')}`,
      params: [['n', '0.1.2.3.4.5.6.7.8.9.10.11.']],
    },
    {
      name: 'the extended form wins',
      raw: "a/b; filename=x.txt; filename*=utf-8''%E2%82%AC.txt",
      params: [['filename', '€.txt']],
    },
    { name: 'a segment is lost', raw: 'a/b; n*0=a; n*2=c', params: [['n', 'a']] },
    { name: 'an unknown character set', raw: "a/b; n*=nope''%C3%A9", params: [['n', 'é']] },
    { name: 'broken percent signs', raw: "a/b; n*=utf-8''%zz%4", params: [['n', '%zz%4']] },
    {
      name: 'RFC 2047 in quotes',
      raw: 'a/b; name="=?ISO-8859-1?Q?caf=E9?= =?ISO-8859-1?Q?.txt?="',
      params: [['name', 'café.txt']],
    },
    { name: 'RFC 2047 across segments', raw: 'a/b; name*0="=?utf-8?B?w6k"; name*1="=?="', params: [['name', 'é']] },
    { name: 'raw UTF-8', raw: latin1('a/b; name="é.txt"'), params: [['name', 'é.txt']] },
    { name: 'raw bytes that are not UTF-8', raw: 'a/b; name="\xe9.txt"', params: [['name', 'é.txt']] },
    {
      name: 'names that objects have',
      raw: 'a/b; __proto__=x; constructor=y',
      params: [
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ],
    },
  ]

for (const { name, raw, value, params } of CASES) {
  test(`parameters: ${name}`, () => {
    const read = parseStructured(raw)
    assert.deepEqual(read.params, params)
    if (value !== undefined) assert.equal(read.value, value)
  })
}

test('a boundary is compared byte for byte, even one in segments', () => {
  assert.equal(parseStructured('multipart/mixed; boundary="=?a?="').boundary, '=?a?=')
  assert.equal(parseStructured('multipart/mixed; boundary*0="ab"; boundary*1="cd"').boundary, 'abcd')
  assert.equal(parseStructured("multipart/mixed; boundary*=us-ascii''a%20b").boundary, 'a b')
  assert.equal(parseStructured('multipart/mixed; boundary=x; boundary*0=y').boundary, 'x')
})
