import type { Envelope, References } from './envelope.ts'

/** Parameters in their order, names as they were written, values decoded to text (RFC 2231, RFC 2047). */
export type Params = readonly (readonly [name: string, value: string])[]

export type Disposition = { readonly type: string; readonly params: Params }

/**
 * Why a part is served as one piece though it says it holds others: `parts` and `depth` are limits, `boundary` is a
 * multipart without delimiters, `encoding` an encoded message (RFC 2046 section 5.2.1 forbids it).
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
  /** Lower case; what it is served as, so `text` or `application` where `opaque` is set. */
  readonly type: string
  readonly subtype: string
  readonly params: Params
  /** Content-Transfer-Encoding in lower case; `7bit` where none is given (RFC 2045 section 6.1). */
  readonly encoding: string
  /** Content-ID as it stands, with its brackets. */
  readonly id: string | null
  readonly description: string | null
  readonly disposition: Disposition | null
  readonly language: readonly string[]
  readonly location: string | null
  readonly md5: string | null
  /** From Content-Disposition, else from the `name` of Content-Type; decoded, never a path check. */
  readonly filename: string | null
  /** Parts of a multipart, at least one. */
  readonly children: readonly Part[]
  /** The message inside a message/rfc822 or message/global. */
  readonly message: { readonly envelope: Envelope; readonly body: Part } | null
  readonly opaque: Opaque | null
  /** The media type it was sent as, where `opaque` is set. */
  readonly declared: string | null
  /** Its header was longer than what is read. */
  readonly truncated: boolean
}

/** What a store keeps beside a raw message: plain JSON. */
export type MessageIndex = {
  /** Bytes of the message. */
  readonly size: number
  readonly root: Part
  readonly envelope: Envelope
  readonly references: References
  /** Parts in the tree. */
  readonly parts: number
  /** A limit was passed somewhere. */
  readonly truncated: boolean
}

/** Value of a parameter, by its name in any case. */
export function paramOf(params: Params, name: string): string | undefined {
  return params.find(([key]) => key.toLowerCase() === name)?.[1]
}

/** Every part, outer before inner, in the order of the message. */
export function* partsOf(part: Part): Generator<Part> {
  yield part
  for (const child of part.children) yield* partsOf(child)
  if (part.message !== null) yield* partsOf(part.message.body)
}

/** The part with this section number. */
export function partAt(index: MessageIndex, path: string): Part | undefined {
  if (path === '') return undefined
  for (const part of partsOf(index.root)) if (part.path === path) return part
  return undefined
}
