import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBytes } from './words.ts'

const SETS: readonly (readonly [label: string, hex: string, text: string])[] = [
  ['iso-8859-15', 'a4', '€'],
  ['ISO8859_15', 'a4', '€'],
  ['latin-9', 'a4', '€'],
  ['windows1251', 'cff0', 'Пр'],
  ['cp-1251', 'cff0', 'Пр'],
  ['win-1250', '8a9e', 'Šž'],
  ['cp932', '93fa967b', '日本'],
  ['Windows-31J', '8740', '①'],
  ['x-euc-jp', 'c6fccbdc', '日本'],
  ['iso-2022-jp-ms', '1b2442467c4b5c1b2842', '日本'],
  ['cp936', 'd6d0cec4', '中文'],
  ['big5-hkscs', 'a4a4a4e5', '中文'],
  ['x-mac-roman', '8e', 'é'],
  ['tis620', 'a1', 'ก'],
  ['cp65001', 'c3a9', 'é'],
  ['ibm437', '82e1', 'éß'],
  ['cp850', '82e19b', 'éßø'],
  ['IBM852', '8588', 'ůł'],
  ['cp858', 'd5', '€'],
  ['cp850', '61208261', 'a éa'],
]

for (const [label, hex, text] of SETS) {
  test(`character set ${label}`, () => assert.equal(decodeBytes(Buffer.from(hex, 'hex'), label), text))
}

test('all names of Korean sets mean Unified Hangul', () => {
  // The first and the last that Windows added, one of each kind of row, and what EUC-KR has itself.
  const bytes = Buffer.from('8141 b6f3 61 8c63 c652 a04f c5ae a3c1 c8fe'.replaceAll(' ', ''), 'hex')
  for (const label of ['euc-kr', 'ks_c_5601-1987', 'cp949', 'windows-949', 'x-euc-kr']) {
    assert.equal(decodeBytes(bytes, label), '갂라a똠힣쟏큽Ａ힝', label)
  }
  // The input ends within a character.
  assert.equal(decodeBytes(Buffer.from('618141b6', 'hex'), 'euc-kr').slice(0, 2), 'a갂')
})

test('UTF-8 and ASCII are decoded, and unknown sets are guessed', () => {
  assert.equal(decodeBytes(Buffer.from('é'), 'UTF8'), 'é')
  assert.equal(decodeBytes(Buffer.from('é'), 'klingon-8'), 'é')
  assert.equal(decodeBytes(Buffer.from([0xe9]), 'cp9999'), 'é')
  // Not a set that mail is read from: what is not ASCII in it would pass every filter.
  assert.equal(decodeBytes(Buffer.from('+AGE-'), 'utf-7'), '+AGE-')
})
