import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAddresses } from './addresses.ts'

const a = (name: string, mailbox: string, host: string) => ({ name, mailbox, host })

const CASES: readonly (readonly [text: string, list: ReturnType<typeof parseAddresses>])[] = [
  ['', []],
  [' , ,', []],
  ['a@x.test', [a('', 'a', 'x.test')]],
  ['<a@x.test>', [a('', 'a', 'x.test')]],
  ['Ann B <a@x.test>, c@y.test', [a('Ann B', 'a', 'x.test'), a('', 'c', 'y.test')]],
  ['"B, \\"Ann\\"" <a@x.test>', [a('B, "Ann"', 'a', 'x.test')]],
  ['a@x.test (Ann (B) \\) C)', [a('Ann (B) ) C', 'a', 'x.test')]],
  ['=?utf-8?Q?B=C3=A9?= <a@x.test>', [a('=?utf-8?Q?B=C3=A9?=', 'a', 'x.test')]],
  ['"john doe"@x.test', [a('', 'john doe', 'x.test')]],
  ['<"john doe"@x.test>', [a('', 'john doe', 'x.test')]],
  ['a@[IPv6:1::2]', [a('', 'a', '[IPv6:1::2]')]],
  ['<@r.test,@s.test:a@x.test>', [a('', 'a', 'x.test')]],
  ['a @ x . test', [a('', 'a', 'x.test')]],
  ['Ann a@x.test', [a('Ann', 'a', 'x.test')]],
  ['"a@b.test" <a@x.test>', [a('a@b.test', 'a', 'x.test')]],
  ['a@b@x.test', [a('', 'a@b', 'x.test')]],
  ['Ann <a@x.test, b@y.test', [a('Ann', 'a', 'x.test'), a('', 'b', 'y.test')]],
  ['a@x.test; b@y.test', [a('', 'a', 'x.test'), a('', 'b', 'y.test')]],
  ['A B <a@x.test> C D <c@y.test>', [a('A B', 'a', 'x.test'), a('C D', 'c', 'y.test')]],
  ['<a@x.test> Ann', [a('Ann', 'a', 'x.test')]],
  ['just words', [a('', 'just words', '')]],
  ['Ann <>', [a('Ann', '', '')]],
  ['<>', []],
  [
    'T: a@x.test, B <b@y.test>; c@z.test',
    [{ group: 'T', members: [a('', 'a', 'x.test'), a('B', 'b', 'y.test')] }, a('', 'c', 'z.test')],
  ],
  ['"A: b": ;', [{ group: 'A: b', members: [] }]],
  ['T: a@x.test', [{ group: 'T', members: [a('', 'a', 'x.test')] }]],
  ['"unclosed <a@x.test>', [a('unclosed', 'a', 'x.test')]],
  ['é <é@é.test>', [a('é', 'é', 'é.test')]],
]

for (const [text, list] of CASES) test(`addresses: ${text}`, () => assert.deepEqual(parseAddresses(text), list))
