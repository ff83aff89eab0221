import { type Limits, MAX_BOUNDARY_BYTES } from '../limits.ts'
import { type Description, describe, MESSAGE_FIELDS, PART_FIELDS } from './describe.ts'
import type { References } from './envelope.ts'
import { type Envelope, envelopeFrom, referencesFrom } from './envelope.ts'
import { type Fields, readFields } from './fields.ts'
import type { MessageIndex, Opaque, Part } from './part.ts'

/** A place in the message: byte offset, and line feeds before it. */
export type Place = { readonly offset: number; readonly lines: number }

type Draft = { -readonly [K in keyof Part]: Part[K] } & { children: Part[] }

type Frame = {
  readonly part: Draft
  readonly kind: 'message' | 'child'
  /** Section number of the surrounding message/rfc822; empty for the message itself and for a child. */
  readonly prefix: string
  readonly inDigest: boolean
  inHeader: boolean
  bodyLines: number
  boundary: string | undefined
  /** An outer part with the same boundary; the boundary is its own again when this one ends. */
  shadowed: Frame | undefined
}

type Delimiter = { readonly frame: Frame; readonly closing: boolean }

/**
 * Builds the tree of parts from the ends of headers and the delimiter lines that the scanner finds. All open boundaries are
 * in one map, so a line costs one look-up at any depth.
 */
export class PartTree {
  readonly #limits: Limits
  readonly #boundaries = new Map<string, Frame>()
  readonly #stack: Frame[] = []
  readonly #root: Draft
  #count = 0
  #length = 0
  #envelope: Envelope | undefined
  #references: References | undefined
  #truncated = false
  #rest = false

  constructor(limits: Limits) {
    this.#limits = limits
    this.#root = this.#begin(0, 'message', '', false).part
  }

  get inHeader(): boolean {
    return this.#top.inHeader
  }

  /** Where the header of the innermost part begins. */
  get headerStart(): number {
    return this.#top.part.headerStart
  }

  /** True if a delimiter line has a meaning now. */
  get delimited(): boolean {
    return this.#boundaries.size > 0 && !this.#rest
  }

  /** Returns the part that a line `--token` delimits. An exact boundary comes before a closing one of the same text. */
  delimiter(token: string): Delimiter | undefined {
    const frame = this.#boundaries.get(token)
    if (frame !== undefined) return { frame, closing: false }
    const closed = token.endsWith('--') ? this.#boundaries.get(token.slice(0, -2)) : undefined
    return closed && { frame: closed, closing: true }
  }

  /** Ends the header of the innermost part at `place`. `header` is cut to the limit. */
  endHeader(place: Place, header: Uint8Array, cut: boolean): void {
    const frame = this.#top
    const { part } = frame
    const fields = readFields(header, frame.kind === 'message' ? MESSAGE_FIELDS : PART_FIELDS)
    const { boundary, ...described } = describe(fields, frame.inDigest)
    const fits = this.#holds(described)
    Object.assign(part, fits ? described : withoutNames(described), {
      bodyStart: place.offset,
      truncated: cut || !fits,
    })
    frame.bodyLines = place.lines
    frame.inHeader = false
    if (part.truncated) this.#truncated = true
    if (frame.kind === 'message') this.#readEnvelope(fields)
    this.#openBody(frame, boundary, place)
  }

  /** Ends bodies at `end` because of a delimiter line, after which `next` begins. No header may be open. */
  cross({ frame, closing }: Delimiter, end: Place, next: Place): void {
    let stop = end
    while (this.#top !== frame) stop = this.#close(stop)
    if (closing) this.#unregister(frame)
    else this.#beginChild(frame, next)
  }

  /** Ends the message at `place`. No header may be open. */
  finish(place: Place): MessageIndex {
    while (this.#stack.length > 0) this.#close(place)
    return {
      size: place.offset,
      root: this.#root,
      envelope: this.#envelope!,
      references: this.#references!,
      parts: this.#count,
      truncated: this.#truncated,
    }
  }

  /** Once a description did not fit, the descriptions of later parts are left out too. */
  get #full(): boolean {
    return this.#length > this.#limits.maxIndexLength
  }

  get #top(): Frame {
    return this.#stack[this.#stack.length - 1]!
  }

  #begin(headerStart: number, kind: Frame['kind'], prefix: string, inDigest: boolean): Frame {
    const frame: Frame = {
      part: emptyPart(headerStart),
      kind,
      prefix,
      inDigest,
      inHeader: true,
      bodyLines: 0,
      boundary: undefined,
      shadowed: undefined,
    }
    this.#count++
    this.#stack.push(frame)
    return frame
  }

  /** Takes a description into the index, unless it would exceed what all of them may hold. JSON shows what it takes. */
  #holds(described: object): boolean {
    if (!this.#full) this.#length += JSON.stringify(described).length
    return !this.#full
  }

  #readEnvelope(fields: Fields): void {
    const read = this.#full ? NO_ENVELOPE : envelopeFrom(fields)
    const envelope = this.#holds(read) ? read : NO_ENVELOPE
    if (this.#full) {
      this.#top.part.truncated = true
      this.#truncated = true
    }
    const holder = this.#stack[this.#stack.length - 2]
    if (holder !== undefined) holder.part.message = { envelope, body: this.#top.part }
    this.#envelope ??= envelope
    this.#references ??= referencesFrom(fields)
  }

  #openBody(frame: Frame, boundary: string | undefined, place: Place): void {
    const { type, subtype } = frame.part
    if (frame.kind === 'message') frame.part.path = type === 'multipart' ? '' : bodyPath(frame.prefix)
    if (type === 'multipart') this.#openMultipart(frame, boundary?.trimEnd())
    else if (type === 'message' && (subtype === 'rfc822' || subtype === 'global')) this.#openMessage(frame, place)
  }

  #openMultipart(frame: Frame, boundary: string | undefined): void {
    if (boundary === undefined || boundary === '' || boundary.length > MAX_BOUNDARY_BYTES) this.#seal(frame, 'boundary')
    else if (this.#stack.length >= this.#limits.maxDepth) this.#seal(frame, 'depth')
    else {
      frame.boundary = boundary
      frame.shadowed = this.#boundaries.get(boundary)
      this.#boundaries.set(boundary, frame)
    }
  }

  #openMessage(frame: Frame, place: Place): void {
    if (ENCODED.has(frame.part.encoding)) this.#seal(frame, 'encoding')
    else if (this.#stack.length >= this.#limits.maxDepth) this.#seal(frame, 'depth')
    else if (this.#count + 1 >= this.#limits.maxParts) this.#seal(frame, 'parts')
    else {
      this.#begin(place.offset, 'message', frame.part.path, false)
    }
  }

  #beginChild(parent: Frame, place: Place): void {
    const last = this.#count + 1 >= this.#limits.maxParts
    const frame = this.#begin(place.offset, 'child', '', parent.part.subtype === 'digest')
    const before = parent.kind === 'child' ? parent.part.path : parent.prefix
    frame.part.path = `${before === '' ? '' : `${before}.`}${parent.part.children.push(frame.part)}`
    if (last) this.#takeRest(frame, place)
  }

  /** Makes a part of the rest of the message, which is not read further. */
  #takeRest(frame: Frame, place: Place): void {
    this.#rest = true
    this.#seal(frame, 'parts')
    Object.assign(frame.part, { bodyStart: place.offset, encoding: 'binary', declared: null })
    Object.assign(frame, { inHeader: false, bodyLines: place.lines })
  }

  /** Makes a part opaque: text if people can most likely read it, otherwise a file. */
  #seal({ part, ...frame }: Frame, why: Opaque): void {
    part.opaque = why
    part.declared = `${part.type}/${part.subtype}`
    if (frame.kind === 'message') part.path = bodyPath(frame.prefix)
    part.type = why === 'boundary' ? 'text' : 'application'
    part.subtype = why === 'boundary' ? 'plain' : 'octet-stream'
    if (why === 'parts' || why === 'depth') this.#truncated = true
  }

  /** Ends the innermost part and returns where, so that outer parts do not end earlier. */
  #close(end: Place): Place {
    const frame = this.#stack.pop()!
    const { part } = frame
    // The line break before a delimiter belongs to the delimiter, unless it ended the header.
    const stop = end.offset < part.bodyStart ? { offset: part.bodyStart, lines: frame.bodyLines } : end
    part.bodyEnd = stop.offset
    part.lines = stop.lines - frame.bodyLines
    this.#unregister(frame)
    if (frame.boundary !== undefined && part.children.length === 0) this.#seal(frame, 'boundary')
    return stop
  }

  #unregister(frame: Frame): void {
    const { boundary } = frame
    if (boundary === undefined || this.#boundaries.get(boundary) !== frame) return
    if (frame.shadowed === undefined) this.#boundaries.delete(boundary)
    else this.#boundaries.set(boundary, frame.shadowed)
  }
}

const ENCODED: ReadonlySet<string> = new Set(['base64', 'quoted-printable'])

/** Returns the section number of a message's only part: `1`, or `2.1` inside part 2 (RFC 9051 section 6.4.5.1). */
function bodyPath(prefix: string): string {
  return prefix === '' ? '1' : `${prefix}.1`
}

/** Keeps what says how to decode the part; its parameters and names are lost. */
function withoutNames({ type, subtype, encoding, disposition }: Omit<Description, 'boundary'>): Partial<Part> {
  return { type, subtype, encoding, disposition: disposition && { type: disposition.type, params: [] } }
}

const NO_ENVELOPE: Envelope = {
  date: null,
  subject: null,
  from: [],
  sender: [],
  replyTo: [],
  to: [],
  cc: [],
  bcc: [],
  inReplyTo: null,
  messageId: null,
}

function emptyPart(headerStart: number): Draft {
  return {
    path: '',
    headerStart,
    bodyStart: headerStart,
    bodyEnd: headerStart,
    lines: 0,
    type: 'text',
    subtype: 'plain',
    params: [],
    encoding: '7bit',
    id: null,
    description: null,
    disposition: null,
    language: [],
    location: null,
    md5: null,
    children: [],
    message: null,
    opaque: null,
    declared: null,
    truncated: false,
  }
}
