import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paramOf, parseStructured } from './params.ts'

type Case = { name: string; raw: string; value?: string; params: readonly (readonly [string, string])[] }

const CASES: readonly Case[] = [
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
  { name: 'comments', raw: 'text/plain (a comment)', value: 'text/plain', params: [] },
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
  {
    name: 'pieces of RFC 2231 stay as they were written',
    raw: 'a/b; url*1="b/c"; URL*0="http://a/"; title*=us-ascii\'en-us\'This%20is',
    params: [
      ['url*1', 'b/c'],
      ['URL*0', 'http://a/'],
      ['title*', "us-ascii'en-us'This%20is"],
    ],
  },
  {
    name: 'names that objects have',
    raw: 'a/b; __proto__=x; constructor=y',
    params: [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ],
  },
  {
    name: 'no semicolon between two, quoted',
    raw: 'multipart/mixed; boundary="a b" charset="utf-8"',
    params: [
      ['boundary', 'a b'],
      ['charset', 'utf-8'],
    ],
  },
  {
    name: 'no semicolon between two, without quotes',
    raw: 'multipart/mixed; boundary=ab charset=utf-8',
    params: [
      ['boundary', 'ab'],
      ['charset', 'utf-8'],
    ],
  },
  {
    name: 'no semicolon after the value',
    raw: 'text/html charset=utf-8; format=x',
    value: 'text/html',
    params: [
      ['charset', 'utf-8'],
      ['format', 'x'],
    ],
  },
  {
    name: 'a comma after the value',
    raw: 'text/html, charset=utf-8',
    value: 'text/html',
    params: [['charset', 'utf-8']],
  },
  {
    name: 'an equals sign in a name without quotes, and a parameter after it',
    raw: 'attachment; filename=a b=c.pdf size=3',
    value: 'attachment',
    params: [
      ['filename', 'a b=c.pdf'],
      ['size', '3'],
    ],
  },
  {
    name: 'folds instead of semicolons',
    raw: 'attachment\t filename="a.pdf"\t size=3',
    value: 'attachment',
    params: [
      ['filename', 'a.pdf'],
      ['size', '3'],
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

const VALUES: readonly (readonly [raw: string, boundary: string | undefined])[] = [
  ['boundary="=?a?="', '=?a?='],
  ['BOUNDARY=x', 'x'],
  ['boundary*0="ab"; boundary*1="cd"', 'abcd'],
  ['boundary*1="cd"; boundary*0="ab"', 'abcd'],
  ['boundary*1="ab"; boundary*2="cd"', 'abcd'],
  ['boundary*0=a; boundary*2=c', 'a'],
  ["boundary*=us-ascii''a%20b", 'a b'],
  ["boundary*0*=utf-8'en'%C3; boundary*1*=%A9; boundary*2=%20", '\xc3\xa9%20'],
  ['boundary=x; boundary*0=y', 'x'],
  ["boundary*=''%zz%4", '%zz%4'],
  ['other=x', undefined],
]

test('a parameter is looked up byte for byte, even one in pieces', () => {
  for (const [raw, boundary] of VALUES) {
    assert.equal(paramOf(parseStructured(`multipart/mixed; ${raw}`).params, 'boundary'), boundary, raw)
  }
})

test('more than ten pieces are put in their order', () => {
  const raw = `a/b; ${Array.from({ length: 12 }, (_, i) => `n*${11 - i}=${11 - i}.`).join('; ')}`
  assert.equal(paramOf(parseStructured(raw).params, 'n'), '0.1.2.3.4.5.6.7.8.9.10.11.')
})
