/**
 * Files as arrays of byte numbers: the SDKs of Go, Rust and Python write the `content` of an attachment so, and older ones
 * of Node the `data` of a Buffer.
 */
import { MailError } from '@kabutar/core/errors.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'

export type Turns = Pick<Clock, 'turn'>

const KEYS = ['"content"', '"data"'] as const
const TURN_BYTES = 1024 * 1024
const [TAB, LF, CR, SPACE, COMMA, ZERO, NINE, COLON, OPEN, CLOSE] = Buffer.from('\t\n\r ,09:[]')

/**
 * Replaces the arrays of numbers under `content` and `data` by base64 in the text of a JSON body, so that JSON.parse does not
 * make a value of each byte. Lets other work run after each megabyte.
 * @throws {MailError} `invalid_attachment` for a number that is no byte
 */
export async function byteArraysAsBase64(body: Buffer, clock: Turns): Promise<Buffer> {
  const parts: Buffer[] = []
  let copied = 0
  for (let open = nextArray(body, 0); open >= 0; open = nextArray(body, copied)) {
    const { bytes, end } = await bytesAt(body, open, clock)
    parts.push(body.subarray(copied, open), Buffer.from(`"${bytes.toString('base64')}"`))
    copied = end
  }
  return parts.length === 0 ? body : Buffer.concat([...parts, body.subarray(copied)])
}

/**
 * The `[` of the next array of numbers, or -1. A quote inside a JSON string is escaped, so `"content"` is always a whole
 * string; a colon behind it makes it a key.
 */
function nextArray(body: Buffer, from: number): number {
  const found = KEYS.map((key) => arrayUnder(body, key, from)).filter((at) => at >= 0)
  return found.length === 0 ? -1 : Math.min(...found)
}

function arrayUnder(body: Buffer, key: string, from: number): number {
  for (let at = body.indexOf(key, from); at >= 0; at = body.indexOf(key, at + key.length)) {
    const colon = pastBlanks(body, at + key.length)
    const open = body[colon] === COLON ? pastBlanks(body, colon + 1) : -1
    const first = body[open] === OPEN ? body[pastBlanks(body, open + 1)] : undefined
    if (first !== undefined && (isDigit(first) || first === CLOSE)) return open
  }
  return -1
}

const isBlank = (octet: number | undefined) => octet === SPACE || octet === LF || octet === CR || octet === TAB
const isDigit = (octet: number) => octet >= (ZERO ?? 0) && octet <= (NINE ?? 0)

function pastBlanks(body: Buffer, from: number): number {
  let at = from
  while (isBlank(body[at])) at += 1
  return at
}

async function bytesAt(body: Buffer, open: number, clock: Turns): Promise<{ bytes: Buffer; end: number }> {
  const close = body.indexOf(']', open)
  if (close < 0) throw notBytes()
  // A number takes two octets at least, with its comma.
  const bytes = Buffer.allocUnsafe(Math.ceil((close - open) / 2))
  let length = 0
  let value = -1
  for (let at = open + 1; at <= close; at += 1) {
    const octet = body[at] ?? 0
    const ends = octet === COMMA || octet === CLOSE
    if (isDigit(octet)) value = Math.max(value, 0) * 10 + octet - (ZERO ?? 0)
    else if (ends && value >= 0) {
      bytes[length] = value
      length += 1
      value = -1
    } else if (ends ? !(octet === CLOSE && length === 0) : !isBlank(octet)) throw notBytes()
    if (value > 255) throw notBytes()
    if ((at - open) % TURN_BYTES === 0) await clock.turn()
  }
  return { bytes: bytes.subarray(0, length), end: close + 1 }
}

const notBytes = () =>
  new MailError('invalid_attachment', 'The `content` of an attachment must be base64, or numbers from 0 to 255.')
