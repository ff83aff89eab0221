import { TextDecoder } from 'node:util'
import { type Decoder, unifiedHangul } from './hangul.ts'

const MAX_CACHED_DECODERS = 64
const decoders = new Map<string, Decoder | null>()

/** Maps lower-case names of character sets in mail to those of TextDecoder; null if it is unknown. */
export function decoderOf(label: string): Decoder | null {
  const known = decoders.get(label)
  if (known !== undefined) return known
  const made = newDecoder(label) ?? newDecoder(standardName(label.replace(/[^a-z0-9]/g, '')))
  if (decoders.size < MAX_CACHED_DECODERS) decoders.set(label, made)
  return made
}

function newDecoder(label: string): Decoder | null {
  const page = CODE_PAGES[label]
  if (page !== undefined) return singleByte(page)
  try {
    const decoder = new TextDecoder(label)
    return decoder.encoding === 'euc-kr' ? unifiedHangul(decoder) : decoder
  } catch {
    return null
  }
}

/** Pages by number, as `cp932`, `windows-932`, `ms932` and `ibm932`; others are the numbers of Windows itself. */
const NUMBERED: Readonly<Record<string, string>> = {
  '437': 'ibm437',
  '850': 'ibm850',
  '852': 'ibm852',
  '858': 'ibm858',
  '866': 'ibm866',
  '932': 'shift_jis',
  '936': 'gbk',
  '949': 'euc-kr',
  '950': 'big5',
  '20866': 'koi8-r',
  '21866': 'koi8-u',
  '50220': 'iso-2022-jp',
  '50221': 'iso-2022-jp',
  '51932': 'euc-jp',
  '54936': 'gb18030',
  '65001': 'utf-8',
}
const NAMED: Readonly<Record<string, string>> = {
  big5hkscs: 'big5',
  euccn: 'gbk',
  eucjp: 'euc-jp',
  euckr: 'euc-kr',
  iso2022jp: 'iso-2022-jp',
  iso2022jp1: 'iso-2022-jp',
  iso2022jp2: 'iso-2022-jp',
  iso2022jpms: 'iso-2022-jp',
  koi8r: 'koi8-r',
  koi8u: 'koi8-u',
  ksc56011987: 'euc-kr',
  latin9: 'iso-8859-15',
  macroman: 'macintosh',
  ms31j: 'shift_jis',
  mskanji: 'shift_jis',
  shiftjis: 'shift_jis',
  tis620: 'windows-874',
  uhc: 'euc-kr',
  utf16: 'utf-16',
  utf16be: 'utf-16be',
  utf16le: 'utf-16le',
  windows31j: 'shift_jis',
}

/** Returns TextDecoder's name for a set that is written with other punctuation or as a code page number. */
function standardName(plain: string): string {
  const page = /^(?:x|cs)?(?:cp|ms|win|windows|ibm|dos)(\d+)$/.exec(plain)?.[1]
  if (page !== undefined) return NUMBERED[page] ?? `windows-${page}`
  const part = /^(?:x|cs)?iso8859(\d+)[ei]?$/.exec(plain)?.[1]
  if (part !== undefined) return `iso-8859-${part}`
  const bare = plain.replace(/^(x|cs)/, '')
  return NAMED[bare] ?? bare
}

/** The upper halves of DOS code pages, which TextDecoder lacks. */
const CODE_PAGES: Readonly<Record<string, string>> = {
  ibm437:
    'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐' +
    '└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0',
  ibm850:
    'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐' +
    '└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0',
  ibm852:
    'ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐' +
    '└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u00ad˝˛ˇ˘§÷¸°¨˙űŘř■\u00a0',
  ibm858:
    'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐' +
    '└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0',
}

function singleByte(upper: string): Decoder {
  const units = Uint16Array.from({ length: 256 }, (_, byte) => (byte < 0x80 ? byte : upper.charCodeAt(byte - 0x80)))
  return {
    decode(bytes) {
      const out = new Uint16Array(bytes.length)
      for (let at = 0; at < bytes.length; at++) out[at] = units[bytes[at]!]!
      return Buffer.from(out.buffer).toString('utf16le')
    },
  }
}
