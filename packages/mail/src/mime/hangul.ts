export type Decoder = { decode(bytes: Uint8Array): string }

/** Second bytes of what Windows added to EUC-KR: 178 to a row, of which the later rows have the first 84. */
const TRAILS = [...range(0x41, 0x5a), ...range(0x61, 0x7a), ...range(0x81, 0xfe)]
const ROWS = [
  ...range(0x81, 0xa0).map((lead) => ({ lead, cells: TRAILS.length })),
  ...range(0xa1, 0xc6).map((lead) => ({ lead, cells: 84 })),
]

/**
 * Decodes Unified Hangul Code, which Korean mail calls EUC-KR or KS C 5601. Node's decoder knows 2,350 of its syllables; the
 * other 8,822 are in the order of Unicode.
 */
export function unifiedHangul(basic: Decoder): Decoder {
  let added: ReadonlyMap<number, number> | undefined
  return {
    decode(bytes) {
      added ??= syllablesBeyond(basic)
      const out = new Utf16(bytes.length)
      let from = 0
      for (let at = 0; at < bytes.length; at += bytes[at]! < 0x81 ? 1 : 2) {
        const code = bytes[at]! < 0x81 ? undefined : added.get((bytes[at]! << 8) | (bytes[at + 1] ?? 0))
        if (code === undefined) continue
        if (from < at) out.text(basic.decode(bytes.subarray(from, at)))
        out.code(code)
        from = at + 2
      }
      return out.end(basic.decode(bytes.subarray(from)))
    },
  }
}

/** Collects UTF-16 code units in one buffer, since a string of many pieces takes far more memory. */
class Utf16 {
  readonly #units: Uint16Array<ArrayBuffer>
  #length = 0

  constructor(bytes: number) {
    this.#units = new Uint16Array(bytes)
  }

  code(code: number): void {
    this.#units[this.#length++] = code
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.code(text.charCodeAt(i))
  }

  end(text: string): string {
    return Buffer.from(this.#units.buffer, 0, this.#length * 2).toString('utf16le') + text
  }
}

function syllablesBeyond(basic: Decoder): ReadonlyMap<number, number> {
  const rows = range(0xb0, 0xc8).flatMap((lead) => range(0xa1, 0xfe).flatMap((trail) => [lead, trail]))
  const known = new Set(basic.decode(Uint8Array.from(rows)))
  const others = range(0xac00, 0xd7a3).filter((code) => !known.has(String.fromCharCode(code)))
  const places = ROWS.flatMap(({ lead, cells }) => TRAILS.slice(0, cells).map((trail) => (lead << 8) | trail))
  return new Map(others.map((code, i) => [places[i]!, code]))
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
