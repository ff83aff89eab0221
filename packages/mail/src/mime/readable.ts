import { type MessageIndex, type Part, paramOf } from './part.ts'

/** A part that people save. `id` is its section number: the same for the same bytes, for ever. */
export type Attachment = {
  readonly id: string
  readonly filename: string | null
  /** Lower case, `application/pdf`. */
  readonly contentType: string
  /** Without brackets, as `cid:` addresses it (RFC 2392). */
  readonly contentId: string | null
  /** As sent, in lower case. */
  readonly disposition: string | null
  readonly encoding: string
  /** Bytes as they stand in the message; decoded ones are known after decoding only. */
  readonly encodedSize: number
  /** [from, to) of the encoded body in the raw message: read this range and give it to `decodePart`. */
  readonly from: number
  readonly to: number
}

/**
 * Parts that aren't what one reads: whatever is no text, is disposed as an attachment, or has a name. A message inside
 * is one attachment, unless it is disposed as inline: then its texts and attachments are as ours.
 */
export function attachmentsOf(index: MessageIndex): readonly Attachment[] {
  return shownLeaves(index.root).filter(isAttachment).map(attachmentOf)
}

/** The part whose text stands for the message: the first plain one, else the first HTML one. */
export function readablePart(index: MessageIndex): Part | undefined {
  const texts = textParts(index)
  return texts.find(({ subtype }) => subtype === 'plain') ?? texts[0]
}

/** Plain and HTML parts that are shown, in their order. */
export function textParts(index: MessageIndex): readonly Part[] {
  return shownLeaves(index.root).filter(isShown)
}

/** What has another disposition is an attachment (RFC 2183 section 2.8). */
export function isShown(part: Part): boolean {
  return isText(part) && (part.disposition === null || part.disposition.type === 'inline')
}

export function charsetOf(part: Part): string {
  return paramOf(part.params, 'charset') ?? ''
}

/** Parts without parts; a message inside counts as one, unless it is inline. */
function shownLeaves(root: Part): readonly Part[] {
  const leaves: Part[] = []
  const collect = (part: Part) => {
    const { children, message, disposition } = part
    if (message !== null && disposition?.type === 'inline') collect(message.body)
    else if (children.length === 0) leaves.push(part)
    for (const child of children) collect(child)
  }
  collect(root)
  return leaves
}

function isText({ type, subtype }: Part): boolean {
  return type === 'text' && (subtype === 'plain' || subtype === 'html')
}

function isAttachment(part: Part): boolean {
  return !isShown(part) || part.filename !== null
}

function attachmentOf(part: Part): Attachment {
  return {
    id: part.path,
    filename: part.filename,
    contentType: `${part.type}/${part.subtype}`,
    contentId: part.id === null ? null : part.id.trim().replace(/^<|>$/g, ''),
    disposition: part.disposition?.type ?? null,
    encoding: part.encoding,
    encodedSize: part.bodyEnd - part.bodyStart,
    from: part.bodyStart,
    to: part.bodyEnd,
  }
}
