import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readPath } from './path.ts'
import { SmtpError } from './replies.ts'

const local256 = 'l'.repeat(256)
const label63 = 'd'.repeat(63)

/** The text in the command, and its address. */
const VALID: readonly (readonly [string, string])[] = [
  ['<>', ''],
  ['<a@b.test>', 'a@b.test'],
  ['<a@localhost>', 'a@localhost'],
  ['<A.b-C@B.Test>', 'A.b-C@B.Test'],
  ["<!#$%&'*+-/=?^_`{|}~@b.test>", "!#$%&'*+-/=?^_`{|}~@b.test"],
  ['<a+tag@1-2.test>', 'a+tag@1-2.test'],
  ['<a@b_c.test>', 'a@b_c.test'],
  ['<"a b"@x.test>', '"a b"@x.test'],
  ['<"a@b"@x.test>', '"a@b"@x.test'],
  ['<"a>b"@x.test>', '"a>b"@x.test'],
  ['<"a\\"b"@x.test>', '"a\\"b"@x.test'],
  ['<"a\\\\b"@x.test>', '"a\\\\b"@x.test'],
  ['<""@x.test>', '""@x.test'],
  ['<"joe"@x.test>', 'joe@x.test'],
  ['<"j\\oe"@x.test>', 'joe@x.test'],
  ['<"a..b"@x.test>', '"a..b"@x.test'],
  ['<@one.test:a@b.test>', 'a@b.test'],
  ['<@one.test,@two.test:a@b.test>', 'a@b.test'],
  ['<@one.test:"a:b"@b.test>', '"a:b"@b.test'],
  ['<a@[192.0.2.1]>', 'a@[192.0.2.1]'],
  ['<a@[IPv6:2001:db8::1]>', 'a@[IPv6:2001:db8::1]'],
  ['<postmaster>', 'postmaster'],
  ['<POSTMASTER>', 'postmaster'],
  ['<jös@b.test>', 'jös@b.test'],
  ['<a@bücher.test>', 'a@bücher.test'],
  ['<用户@例子.test>', '用户@例子.test'],
  ['<.a@b.test>', '.a@b.test'],
  ['<a.@b.test>', 'a.@b.test'],
  ['<a..b@c.test>', 'a..b@c.test'],
  ['<a@b.test.>', 'a@b.test'],
  ['<a@_dmarc.b_.test>', 'a@_dmarc.b_.test'],
  ['a@b.test', 'a@b.test'],
  ['a@b.test SIZE=10', 'a@b.test'],
  [`<${local256}@b.test>`, `${local256}@b.test`],
  [`<a@${label63}.test>`, `a@${label63}.test`],
  [`<a@${`${label63}.`.repeat(3)}${'d'.repeat(60)}>`, `a@${`${label63}.`.repeat(3)}${'d'.repeat(60)}`],
]

const INVALID: readonly string[] = [
  '',
  '<',
  '<a@b.test',
  '<a>',
  '<@>',
  '<@b.test>',
  '<a@>',
  '<a b@c.test>',
  '<a@b c.test>',
  'a',
  '@',
  'a@b.test>',
  '<a@b.test..>',
  '<a@.>',
  '<a@b..test>',
  '<a@.test>',
  '<a@-b.test>',
  '<a@b-.test>',
  '<a@b.test#c.test>',
  '<a@b.test/c.test>',
  '<a@b.test?c>',
  '<a@b@c.test>',
  '<a(comment)@b.test>',
  '<<a@b.test>>',
  '<"a"b@c.test>',
  '<"a@c.test>',
  '<a"b"@c.test>',
  '<"\\">@x.test>',
  '<a@192.0.2.1>',
  '<a@[]>',
  '<a@[192.0.2]>',
  '<a@[192.0.2.256]>',
  '<a@[2001:db8::1]>',
  '<a@[IPv6:192.0.2.1]>',
  '<a@[IPv6:fe80::1%eth0]>',
  '<a@[192.0.2.1>',
  '<@one.test>',
  '<@one.test:>',
  '<@one.test:b>',
  '<@one.test,two.test:a@b.test>',
  '<@-:a@b.test>',
  '<postmaster@>',
  '<\u0085@b.test>',
  `<l${local256}@b.test>`,
  `<${'ö'.repeat(129)}@b.test>`,
  `<a@d${label63}.test>`,
  `<a@${`${label63}.`.repeat(3)}${'d'.repeat(62)}>`,
  `<@${'o'.repeat(60)}.test:${local256}@${`${label63}.`.repeat(3)}test>`,
]

describe('paths', () => {
  for (const [text, address] of VALID) {
    test(`${text} is ${address || 'nobody'}`, () => {
      assert.equal(readPath(text, '5.1.3').path.address, address)
    })
  }

  for (const text of INVALID) {
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(
        () => readPath(text, '5.1.3'),
        (error) => error instanceof SmtpError && error.reply.code === 501 && error.reply.status === '5.1.3',
      )
    })
  }

  test('the text after the path is left over', () => {
    assert.equal(readPath('<"> "@x.test> SIZE=1', '5.1.7').rest, ' SIZE=1')
    assert.equal(readPath('a@x.test SIZE=1', '5.1.7').rest, ' SIZE=1')
  })

  test('a path says whether its address goes beyond ASCII', () => {
    assert.equal(readPath('<a@b.test>', '5.1.3').path.utf8, false)
    assert.equal(readPath('<jös@b.test>', '5.1.3').path.utf8, true)
  })
})
