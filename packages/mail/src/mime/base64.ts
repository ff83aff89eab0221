const EQUALS = 0x3d
const NOT_ALPHABET = /[^A-Za-z0-9+/_-]+/g
const VALUES = new Int8Array(256).fill(-1)
for (const [value, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  VALUES[char.charCodeAt(0)] = value
}
VALUES['-'.charCodeAt(0)] = 62
VALUES['_'.charCodeAt(0)] = 63

/** Decodes base64 (RFC 2045 section 6.8) in chunks. More base64 may follow padding; other characters are skipped. */
export class Base64Decoder {
  #held = 0
  #bits = 0

  push(chunk: Uint8Array): Uint8Array {
    if (chunk.includes(EQUALS)) return this.#slow(chunk)
    const text = latin1(chunk).replace(NOT_ALPHABET, '')
    // Completes the group of four that the last chunk began; 6 bits are held after its first character.
    const first = Math.min(text.length, this.#bits / 2)
    const whole = first + (text.length - first - ((text.length - first) % 4))
    const head = this.#slow(Buffer.from(text.slice(0, first), 'latin1'))
    const body = Buffer.from(text.slice(first, whole), 'base64')
    const tail = this.#slow(Buffer.from(text.slice(whole), 'latin1'))
    return head.length + tail.length === 0 ? body : Buffer.concat([head, body, tail])
  }

  #slow(chunk: Uint8Array): Uint8Array {
    const out = Buffer.allocUnsafe(((chunk.length * 3) >> 2) + 3)
    let length = 0
    for (const byte of chunk) {
      const value = VALUES[byte]!
      if (value >= 0) {
        this.#held = ((this.#held << 6) | value) & 0xffff
        this.#bits += 6
        if (this.#bits >= 8) {
          this.#bits -= 8
          out[length++] = this.#held >> this.#bits
        }
      } else if (byte === EQUALS) this.#bits = 0
    }
    return out.subarray(0, length)
  }
}

/** Decodes a whole body, with Node's decoder if padding is only at its end. */
export function decodeBase64(body: Uint8Array): Uint8Array {
  const padding = body.indexOf(EQUALS)
  const isOneRun = padding < 0 || body.subarray(padding).every((byte) => byte === EQUALS || byte <= 0x20)
  return isOneRun ? Buffer.from(latin1(body), 'base64') : new Base64Decoder().push(body)
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
