import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBytes, decodeWords, textOf } from './words.ts'

const WORDS: readonly (readonly [raw: string, text: string])[] = [
  ['plain', 'plain'],
  ['=?utf-8?Q?a_b=C3=A9?=', 'a bé'],
  ['=?UTF-8?b?4pyT?= x', '✓ x'],
  ['a =?utf-8?q?b?= c', 'a b c'],
  ['=?utf-8?q?a?= =?utf-8?q?b?=', 'ab'],
  ['=?utf-8?q?a?=\t =?iso-8859-1?q?=E9?= c', 'aé c'],
  ['=?utf-8?Q?=E2=9C?= =?utf-8?Q?=93?=', '✓'],
  ['=?utf-8*en?Q?x?=', 'x'],
  ['=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=', '日本'],
  ['=?gb2312?B?1tDOxA==?=', '中文'],
  ['=?nope?Q?=C3=A9?=', 'é'],
  ['=?utf-8?Q?broken', '=?utf-8?Q?broken'],
  ['=?utf-8?X?a?=', '=?utf-8?X?a?='],
  ['=?utf-8?Q?=ZZ=4?=', '=ZZ=4'],
  ['=?utf-8?Q??=', ''],
]

for (const [raw, text] of WORDS) test(`encoded words: ${raw}`, () => assert.equal(decodeWords(raw), text))

test('bytes without a character set are UTF-8 if they can be', () => {
  assert.equal(decodeBytes(Buffer.from('é✓')), 'é✓')
  assert.equal(decodeBytes(Buffer.from([0xe9, 0x80]), 'us-ascii'), 'é€')
  assert.equal(decodeBytes(Buffer.from([0xff]), 'utf-8'), '\ufffd')
  assert.equal(textOf('\xc3\xa9'), 'é')
  assert.equal(textOf('\xe9'), 'é')
})
