import { paramOf } from './params.ts'
import type { MessageIndex, Part } from './part.ts'

/**
 * Lists the attachments: parts that are not text, have the disposition attachment, or have a file name. A message inside
 * is one attachment, unless its disposition is inline: then its own parts are listed.
 */
export function attachmentParts({ root }: MessageIndex): readonly Part[] {
  const leaves: Part[] = []
  const collect = (part: Part) => {
    const { children, message, disposition } = part
    if (message !== null && disposition?.type === 'inline') collect(message.body)
    else if (children.length === 0) leaves.push(part)
    for (const child of children) collect(child)
  }
  collect(root)
  return leaves.filter((part) => !isShown(part) || isNamed(part))
}

/** Tells whether a text is shown in place. Any disposition but inline means attachment (RFC 2183 section 2.8). */
export function isShown({ type, subtype, disposition }: Part): boolean {
  const isText = type === 'text' && (subtype === 'plain' || subtype === 'html')
  return isText && (disposition === null || disposition.type === 'inline')
}

/** Tells whether a part has a file name. */
export function isNamed({ disposition, params }: Part): boolean {
  return Boolean((disposition && paramOf(disposition.params, 'filename')) || paramOf(params, 'name'))
}

/** Answers the media type of an attachment. An encoded message keeps its type, though its parts are not indexed. */
export function mediaTypeOf({ type, subtype, opaque, declared }: Part): string {
  return opaque === 'encoding' && declared !== null ? declared : `${type}/${subtype}`
}
