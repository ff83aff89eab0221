import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexMessage } from '../mime/indexer.ts'
import { readBytes } from './message.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const latin1 = (text: string) => Buffer.from(text, 'latin1')

async function textOf(charset: string, body: Uint8Array): Promise<string | null> {
  const head = `Content-Type: text/plain; charset="${charset}"\r\nContent-Transfer-Encoding: base64\r\n\r\n`
  const raw = Buffer.from(`${head}${Buffer.from(body).toString('base64')}\r\n`)
  return (await readBytes(indexMessage(raw), raw)).text
}

const SETS: readonly (readonly [label: string, bytes: Uint8Array, text: string])[] = [
  ['iso-8859-1', hex('93e994'), '“é”'],
  ['iso-8859-15', hex('a4'), '€'],
  ['ISO8859_15', hex('a4'), '€'],
  ['latin-9', hex('a4'), '€'],
  ['windows1251', hex('cff0'), 'Пр'],
  ['cp-1251', hex('cff0'), 'Пр'],
  ['win-1250', hex('8a9e'), 'Šž'],
  ['KOI8-R', hex('f0d2'), 'Пр'],
  ['iso-8859-8-i', hex('f9ec'), 'של'],
  ['tis620', hex('a1'), 'ก'],
  ['x-mac-roman', hex('8e'), 'é'],
  ['cp932', hex('93fa967b'), '日本'],
  ['Windows-31J', hex('8740'), '①'],
  ['Shift_JIS', hex('8740 fbfc'), '①髙'],
  ['EUC-JP', hex('ada1 8fb0a1'), '①丂'],
  ['x-euc-jp', hex('c6fccbdc'), '日本'],
  ['cp51932', hex('c6fccbdc'), '日本'],
  ['iso-2022-jp', hex('1b2442 2d21 1b2842'), '①'],
  ['iso-2022-jp', hex('1b2849 31 1b2842'), 'ｱ'],
  ['iso-2022-jp-ms', hex('1b2442467c4b5c1b2842'), '日本'],
  ['cp50220', hex('1b2442467c4b5c1b2842'), '日本'],
  ['csISO2022JP', hex('1b2442467c4b5c1b2842'), '日本'],
  ['gb2312', hex('d6d0 9439da33 80'), '中💩€'],
  ['cp936', hex('d6d0cec4'), '中文'],
  ['x-gb18030', hex('9439da33'), '💩'],
  ['big5', hex('a741a66e'), '你好'],
  ['big5-hkscs', hex('a4a4a4e5'), '中文'],
  ['ks_c_5601-1987', hex('b0a1 8141'), '가갂'],
  ['x-windows-949', hex('8141'), '갂'],
  ['uhc', hex('8141'), '갂'],
  ['ibm437', hex('82e1'), 'éß'],
  ['cp850', hex('82e19b'), 'éßø'],
  ['cp858', hex('d5'), '€'],
  ['UTF8', Buffer.from('żó'), 'żó'],
  ['cp65001', Buffer.from('é'), 'é'],
  ['utf-8', Buffer.from('\ufeffhé'), 'hé'],
  ['utf-16', hex('feff 0068 00e9 000a'), 'hé\n'],
  ['utf-16', hex('fffe 6800 e900'), 'hé'],
  ['utf-16be', hex('0068 00e9'), 'hé'],
  ['utf-7', latin1('Caf+AOk- 1+-1 +ZeVnLIqe'), 'Café 1+1 日本語'],
  ['unicode-1-1-utf-7', latin1('+2D3cqQ-'), '💩'],
  ['hz-gb-2312', latin1('a ~{VPND~} ~~ b~\nc'), 'a 中文 ~ bc'],
  ['iso-2022-kr', latin1('\x1b$)C\x0e>H3g\x0f a\n'), '안녕 a\n'],
  // What the label says is not what the bytes are.
  ['iso-8859-1', Buffer.from('Dzień • zażółć'), 'Dzień • zażółć'],
  ['windows-1252', Buffer.from('Grüße'), 'Grüße'],
  ['us-ascii', Buffer.from('zażółć'), 'zażółć'],
  ['klingon-8', Buffer.from('é'), 'é'],
  ['cp9999', hex('e9'), 'é'],
  ['', hex('e9 80'), 'é€'],
  ['utf-8', hex('ff'), '\ufffd'],
]

for (const [label, bytes, text] of SETS) {
  test(`character set ${label}: ${text}`, async () => assert.equal(await textOf(label, bytes), text))
}

const htmlOf = async (html: string, type = 'text/html') => {
  const raw = latin1(`Content-Type: ${type}\r\n\r\n${html}`)
  return (await readBytes(indexMessage(raw), raw)).html
}

test('HTML without a character set names it itself', async () => {
  assert.match((await htmlOf('<meta charset=windows-1251><p>\xcf\xf0</p>')) ?? '', /Пр/)
  const equiv = '<head><META http-equiv="Content-Type" content="text/html; charset=shift_jis"></head>\x93\xfa\x96\x7b'
  assert.match((await htmlOf(equiv)) ?? '', /日本/)
  // The field goes before the element, and an element that can't be true counts for nothing.
  assert.match((await htmlOf('<meta charset=windows-1251>\xe9', 'text/html; charset=windows-1252')) ?? '', /é/)
  assert.match((await htmlOf('<meta charset=utf-16>\xe9')) ?? '', /é/)
  // A label of the field stays, even where the bytes break it.
  assert.match((await htmlOf('\xc3\xa9\xd1', 'text/html; charset=UTF-8')) ?? '', /^é\ufffd/)
  assert.match((await htmlOf('<meta charset=utf-8>\xe9')) ?? '', /é/)
})
