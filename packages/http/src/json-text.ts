/**
 * The text of a JSON body, before it is parsed. It may hold files as arrays of byte numbers: the SDKs of Go, Rust and Python write the `content` of an attachment so, and older ones
 * of Node the `data` of a Buffer.
 */
import { isUtf8 } from 'node:buffer'
import { MailError } from '@kabutar/core/errors.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Job } from '@kabutar/core/ports/compute.ts'

export type Turns = Pick<Clock, 'turn'>

const KEYS = ['"content"', '"data"'] as const
const LONGEST_KEY = 9
const TURN_BYTES = 1024 * 1024
/** No request of the API is nested deeper than 6 levels. */
export const MAX_JSON_DEPTH = 32
/** Values outside of byte arrays: JSON.parse takes up to 100 times the octets of `{}` for each. */
export const MAX_JSON_VALUES = 100_000
const [TAB, LF, CR, SPACE, COMMA, ZERO, NINE, COLON] = Buffer.from('\t\n\r ,09:')
const [OPEN, CLOSE, OPEN_OBJECT, CLOSE_OBJECT, QUOTE, BACKSLASH] = Buffer.from('[]{}"\\')

/**
 * Bounds the text of a JSON body before it is parsed, and with `files` replaces the arrays of numbers under `content` and
 * `data` by base64, so that JSON.parse does not make a value of each byte. One pass, which lets other work run after each
 * megabyte.
 * @throws {MailError} `invalid_message` above 32 levels or 100,000 values; `invalid_attachment` for a number that is no byte
 */
export async function boundedJson(body: Buffer, clock: Turns, files: boolean): Promise<Buffer> {
  const scan = new JsonScan(body)
  const parts: Buffer[] = []
  let copied = 0
  while (scan.at < body.length) {
    const open = scan.next(Math.min(body.length, scan.at + TURN_BYTES), files)
    if (open >= 0) {
      const { bytes, end } = await bytesAt(body, open, clock)
      parts.push(body.subarray(copied, open), Buffer.from(`"${bytes.toString('base64')}"`))
      copied = end
      scan.passArray(end)
    } else if (scan.at < body.length) await clock.turn()
  }
  return parts.length === 0 ? body : Buffer.concat([...parts, body.subarray(copied)])
}

/** Reads the structure of a JSON text octet by octet. Whether it is JSON at all, JSON.parse tells. */
class JsonScan {
  at = 0
  readonly #body: Buffer
  #depth = 0
  #values = 0
  /** The string that `at` is inside of begins there. */
  #string: number | undefined
  /** The last token: a string that may be the key of a file, or the colon behind it. */
  #last: 'key' | 'colon' | 'other' = 'other'

  constructor(body: Buffer) {
    this.#body = body
  }

  /** Reads up to `to`. Answers the `[` of the next array of numbers, where `at` stays, or -1. */
  next(to: number, files: boolean): number {
    while (this.at < to) {
      const octet = this.#body[this.at]
      if (this.#string !== undefined) this.#inString(octet, this.#string)
      else if (octet === QUOTE) this.#string = this.at
      else if (files && octet === OPEN && this.#last === 'colon' && this.#holdsBytes()) return this.at
      else if (!isBlank(octet)) this.#token(octet)
      this.at += 1
    }
    return -1
  }

  /** Continues behind an array of numbers, which counts as one value. */
  passArray(end: number): void {
    this.at = end
    this.#last = 'other'
    this.#count()
  }

  #inString(octet: number | undefined, start: number): void {
    if (octet === BACKSLASH) this.at += 1
    if (octet !== QUOTE) return
    const text = this.at - start < LONGEST_KEY ? this.#body.toString('latin1', start, this.at + 1) : ''
    this.#last = KEYS.some((key) => key === text) ? 'key' : 'other'
    this.#string = undefined
  }

  #holdsBytes(): boolean {
    const first = this.#body[pastBlanks(this.#body, this.at + 1)]
    return first !== undefined && (isDigit(first) || first === CLOSE)
  }

  #token(octet: number | undefined): void {
    this.#last = octet === COLON && this.#last === 'key' ? 'colon' : 'other'
    if (octet === COMMA) this.#count()
    else if (octet === OPEN || octet === OPEN_OBJECT) {
      this.#count()
      this.#depth += 1
      if (this.#depth > MAX_JSON_DEPTH) throw tooMuch(`more than ${MAX_JSON_DEPTH} levels`)
    } else if (octet === CLOSE || octet === CLOSE_OBJECT) this.#depth -= 1
  }

  /** Each comma and each bracket begins a value. */
  #count(): void {
    this.#values += 1
    if (this.#values > MAX_JSON_VALUES) throw tooMuch(`more than ${MAX_JSON_VALUES} values`)
  }
}

const tooMuch = (what: string) => new MailError('invalid_message', `The request body has ${what}.`)

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

const BYTE_ORDER_MARK = 0xfeff

type Parsed = { readonly value: unknown } | { readonly not: 'UTF-8' | 'JSON' }

/** Parses a bounded JSON text. 1 MB takes up to 10 ms. */
export const PARSE_JSON: Job<Uint8Array, Parsed> = {
  name: 'parse-json',
  largeBytes: 1024 * 1024,
  run(bytes) {
    // Replacement characters in place of letters would not be what the application meant.
    if (!isUtf8(bytes)) return { not: 'UTF-8' }
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
    try {
      return { value: JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text) }
    } catch {
      return { not: 'JSON' }
    }
  },
}
