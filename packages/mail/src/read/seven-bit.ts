/** Converts character sets of seven bits, which mailparser refuses or lacks, to sets that it decodes. */

export type Encoded = { readonly charset: string; readonly bytes: Uint8Array }

const ESC = 0x1b
const SHIFT_OUT = 0x0e
const SHIFT_IN = 0x0f
const TILDE = 0x7e
const PLUS = 0x2b
const MINUS = 0x2d
const BASE64 = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')

/** Converts UTF-7 (RFC 2152), HZ (RFC 1843) and ISO-2022-KR (RFC 1557); undefined for every other set. */
export function fromSevenBit(label: string, bytes: Uint8Array): Encoded | undefined {
  const name = label.replace(/[^a-z0-9]/g, '')
  if (/^(cs)?(unicode11)?utf7$/.test(name)) return { charset: 'utf-16le', bytes: utf7(bytes) }
  if (name === 'hz' || name === 'hzgb2312') return { charset: 'gb18030', bytes: hz(bytes) }
  if (/^(cs)?iso2022kr$/.test(name)) return { charset: 'euc-kr', bytes: iso2022kr(bytes) }
  return undefined
}

/** Decodes base64 of UTF-16 between `+` and the next character that is not base64; `+-` is a plus. */
function utf7(bytes: Uint8Array): Uint8Array {
  const units = new Uint16Array(bytes.length)
  let length = 0
  let [shifted, held, bits] = [false, 0, 0]
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    const value = shifted ? BASE64.indexOf(byte) : -1
    if (value >= 0) {
      held = ((held << 6) | value) & 0x3fffff
      bits += 6
      if (bits < 16) continue
      bits -= 16
      units[length++] = held >> bits
    } else if (shifted) {
      // The minus that ends a shift is not text; after an empty shift it stands for a plus.
      if (byte !== MINUS) units[length++] = byte
      else if (bytes[at - 1] === PLUS) units[length++] = PLUS
      shifted = false
    } else if (byte === PLUS) [shifted, held, bits] = [true, 0, 0]
    else units[length++] = byte
  }
  return new Uint8Array(units.buffer, 0, length * 2)
}

/** Decodes GB 2312 between `~{` and `~}`; `~~` is a tilde, and `~` before a line break joins two lines. */
function hz(bytes: Uint8Array): Uint8Array {
  return shifted(bytes, (byte, next) => {
    if (byte !== TILDE || next === undefined) return undefined
    if (next === 0x7b) return { skip: 2, high: true }
    if (next === 0x7d) return { skip: 2, high: false }
    return next === TILDE ? { skip: 1 } : next === 0x0a ? { skip: 2 } : undefined
  })
}

/** Decodes KS X 1001 between shift out and shift in, and drops the designator `ESC $ ) C`. */
function iso2022kr(bytes: Uint8Array): Uint8Array {
  return shifted(bytes, (byte, next) => {
    if (byte === SHIFT_OUT) return { skip: 1, high: true }
    if (byte === SHIFT_IN) return { skip: 1, high: false }
    return byte === ESC && next === 0x24 ? { skip: 4 } : undefined
  })
}

type Shift = { readonly skip: number; readonly high?: boolean }

/** Sets the high bit of the bytes between two shifts. Both sets return to ASCII at the end of a line. */
function shifted(
  bytes: Uint8Array,
  shiftAt: (byte: number, next: number | undefined) => Shift | undefined,
): Uint8Array {
  const out = Buffer.allocUnsafe(bytes.length)
  let length = 0
  let high = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    const shift = shiftAt(byte, bytes[at + 1])
    if (shift !== undefined) {
      high = shift.high ?? high
      at += shift.skip - 1
      // Two tildes are one.
      if (shift.skip === 1 && byte === TILDE) out[length++] = bytes[++at]!
      continue
    }
    if (byte === 0x0a) high = false
    out[length++] = high && byte > 0x20 && byte < 0x7f ? byte | 0x80 : byte
  }
  return out.subarray(0, length)
}
