import type { Job } from '@kabutar/core/ports/compute.ts'

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** Makes the octets of an injected message, each line end CRLF, from base64 or as they came. Undefined for other text. */
export const INJECTED_MESSAGE: Job<string | Uint8Array, Uint8Array | undefined> = {
  name: 'injected-message',
  largeBytes: 1024 * 1024,
  run(raw) {
    if (typeof raw === 'string' && !(raw.length % 4 === 0 && BASE64.test(raw))) return undefined
    const bytes = typeof raw === 'string' ? Buffer.from(raw, 'base64') : raw
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    return Buffer.from(text.replace(/\r\n|\r|\n/g, '\r\n'), 'latin1')
  },
}
