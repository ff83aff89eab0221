/** Maps received messages to the wire. */
import type { ListedAttachment, ReceivedAttachment, ReceivedMessage } from '@kabutar/core/messages/message.ts'
import type { WholeReceived } from '@kabutar/core/messages/read.ts'
import { formatAddresses } from '@kabutar/core/messages/received.ts'
import { decodePart } from '@kabutar/mail/mime/decode.ts'
import { bytesOf, fitBodies, type LinkPorts, MAX_ANSWER_BYTES, type SignedLink, within } from './answer.ts'

export type HtmlFormat = 'data_uri' | 'cid'

/** 1,000 attachments with long names exceed an answer; GET /emails/receiving/:id/attachments lists them all. */
const MAX_ATTACHMENTS_BYTES = 1_500_000

export function listedReceived(received: ReceivedMessage) {
  return {
    id: received.id,
    to: received.to,
    from: received.from,
    created_at: new Date(received.envelope.receivedAt).toISOString(),
    subject: received.subject,
    bcc: received.bcc,
    cc: received.cc,
    reply_to: received.replyTo,
    received_for: received.envelope.recipients,
    message_id: received.messageId,
    attachments: received.attachments.map(inboundAttachment),
  }
}

function inboundAttachment({ id, filename, size, contentType, contentId, disposition }: ListedAttachment) {
  return {
    id,
    filename,
    size,
    content_type: contentType,
    content_id: contentId,
    content_disposition: disposition,
  }
}

/**
 * Maps a whole message. What does not fit an answer is left out, never cut: first images stay `cid:` addresses, then
 * `html` and `text` are null and behind a link, then `headers` are null. `raw` always has everything.
 */
export async function wholeReceived(ports: LinkPorts, whole: WholeReceived, raw: SignedLink, format: HtmlFormat) {
  const { received, message, attachments } = whole
  const { envelope } = message.index
  const frame = {
    object: 'email',
    ...listedReceived(received),
    to: formatAddresses(envelope.to),
    cc: formatAddresses(envelope.cc),
    bcc: formatAddresses(envelope.bcc),
    attachments: within(attachments.map(inboundAttachment), MAX_ATTACHMENTS_BYTES),
    ...(received.envelope.reconstructed && { reconstructed: true }),
    ...(received.envelope.verdicts && { verdicts: received.envelope.verdicts }),
    raw,
    html_format: format,
  }
  const room = MAX_ANSWER_BYTES - bytesOf(frame) - LINKS_BYTES
  const all = headersOf(message.headers)
  const headers = bytesOf(all) <= room ? all : null
  const forBodies = room - (headers === null ? 0 : bytesOf(headers))
  const { html, ...rest } = await fitBodies(ports, received.content.blob, message, forBodies)
  const forImages = forBodies - bytesOf(html) - bytesOf(rest.text)
  return {
    ...frame,
    ...rest,
    html: html !== null && format === 'data_uri' ? withImages(html, whole, forImages) : html,
    headers,
  }
}

/** Reserved for the links to two bodies: S3's session tokens make each about 2 KB. */
const LINKS_BYTES = 10_000

/** Maps fields by lower-case name; values of a repeated field are joined by line feeds. */
function headersOf(fields: WholeReceived['message']['headers']): Readonly<Record<string, string>> {
  const byName = Map.groupBy(fields, ({ name }) => name.toLowerCase())
  return Object.fromEntries([...byName].map(([name, same]) => [name, same.map(({ value }) => value).join('\n')]))
}

const CID = /\bcid:([^\s"'<>()]{1,300})/gi

/** Replaces `cid:` addresses (RFC 2392) by the attached images as data URIs, while they fit in `maxBytes`. */
function withImages(html: string, { attachments, raw }: WholeReceived, maxBytes: number): string {
  const images = new Map(
    attachments.flatMap((part) => (part.contentId && isImage(part) ? [[part.contentId, part] as const] : [])),
  )
  const made = new Map<ReceivedAttachment, string>()
  let left = maxBytes
  return html.replace(CID, (address, name: string) => {
    const image = images.get(decoded(name))
    if (image === undefined || (image.size / 3) * 4 > left) return address
    const uri = made.get(image) ?? dataUri(image, raw)
    made.set(image, uri)
    if (uri.length > left) return address
    left -= uri.length
    return uri
  })
}

const isImage = ({ contentType }: ReceivedAttachment) => contentType.startsWith('image/')

function dataUri({ from, to, encoding, contentType }: ReceivedAttachment, raw: Uint8Array): string {
  const bytes = decodePart(raw.subarray(from, to), encoding)
  return `data:${contentType};base64,${Buffer.from(bytes).toString('base64')}`
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
