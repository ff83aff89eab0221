import type { Envelope, References } from './envelope.ts'
import type { Params } from './params.ts'

export type Disposition = { readonly type: string; readonly params: Params }

/**
 * Why a part that declares inner parts is served as one piece: a limit (`parts`, `depth`), a multipart without delimiters
 * (`boundary`), or an encoded message (`encoding`; RFC 2046 section 5.2.1 forbids it).
 */
export type Opaque = 'parts' | 'depth' | 'boundary' | 'encoding'

/** One body part. Offsets are bytes of the raw message: header [headerStart, bodyStart), body [bodyStart, bodyEnd). */
export type Part = {
  /** Section number, `1.2` (RFC 9051 section 6.4.5.1); empty for a multipart that is the body of a message. */
  readonly path: string
  readonly headerStart: number
  readonly bodyStart: number
  readonly bodyEnd: number
  /** Line feeds in the body. */
  readonly lines: number
  /** The type that the part is served as, in lower case: `text` or `application` if `opaque` is set. */
  readonly type: string
  readonly subtype: string
  readonly params: Params
  /** Content-Transfer-Encoding in lower case; `7bit` if it is missing (RFC 2045 section 6.1). */
  readonly encoding: string
  /** Content-ID as written, with brackets. */
  readonly id: string | null
  readonly description: string | null
  readonly disposition: Disposition | null
  readonly language: readonly string[]
  readonly location: string | null
  readonly md5: string | null
  /** Parts of a multipart, at least one. */
  readonly children: readonly Part[]
  /** The message inside a message/rfc822 or message/global. */
  readonly message: { readonly envelope: Envelope; readonly body: Part } | null
  readonly opaque: Opaque | null
  /** The media type that it was sent as, if `opaque` is set. */
  readonly declared: string | null
  /** The header was longer than the limit, or what it says was left out, since the index of the message is full. */
  readonly truncated: boolean
}

/** The index that is stored beside a raw message; plain JSON. */
export type MessageIndex = {
  /** Bytes of the message. */
  readonly size: number
  readonly root: Part
  readonly envelope: Envelope
  readonly references: References
  /** Parts in the tree. */
  readonly parts: number
  /** True if any limit was exceeded. */
  readonly truncated: boolean
}

/** Lists every part, outer before inner, in the order of the message. */
export function* partsOf(part: Part): Generator<Part> {
  yield part
  for (const child of part.children) yield* partsOf(child)
  if (part.message !== null) yield* partsOf(part.message.body)
}
