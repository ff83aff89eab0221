import { type MessageIndex, type Part, paramOf } from './part.ts'

/** A part that people save. `id` is its section number, which never changes. */
export type Attachment = {
  readonly id: string
  readonly filename: string | null
  /** Lower case, `application/pdf`. */
  readonly contentType: string
  /** Without brackets, as in `cid:` addresses (RFC 2392). */
  readonly contentId: string | null
  /** As sent, in lower case. */
  readonly disposition: string | null
  readonly encoding: string
  /** Bytes in the message. The decoded size is only known after decoding. */
  readonly encodedSize: number
  /** The encoded body is [from, to) of the raw message; `decodePart` decodes it. */
  readonly from: number
  readonly to: number
}

/**
 * Lists the attachments: parts that are not text, have the disposition attachment, or have a file name. A message inside
 * is one attachment, unless its disposition is inline: then its own parts are listed.
 */
export function attachmentsOf(index: MessageIndex): readonly Attachment[] {
  return shownLeaves(index.root).filter(isAttachment).map(attachmentOf)
}

/** Finds the part to preview: the first plain text, or else the first HTML. */
export function readablePart(index: MessageIndex): Part | undefined {
  const texts = textParts(index)
  return texts.find(({ subtype }) => subtype === 'plain') ?? texts[0]
}

/** Lists the plain and HTML parts that are shown, in order. */
function textParts(index: MessageIndex): readonly Part[] {
  return shownLeaves(index.root).filter(isShown)
}

/** Tells whether a text is shown in place. Any disposition but inline means attachment (RFC 2183 section 2.8). */
export function isShown(part: Part): boolean {
  return isText(part) && (part.disposition === null || part.disposition.type === 'inline')
}

export function charsetOf(part: Part): string {
  return paramOf(part.params, 'charset') ?? ''
}

/** Lists the parts without inner parts. A message inside counts as one part, unless it is inline. */
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
