/** Maps received messages to the wire. */
import type { ListedAttachment, ReceivedMessage } from '@kabutar/core/messages/message.ts'
import type { WholeReceived } from '@kabutar/core/messages/read.ts'
import { formatAddresses, readRange } from '@kabutar/core/messages/received.ts'
import type { Range, Reading } from '@kabutar/mail/read/message.ts'
import {
  bytesOf,
  expiryFields,
  fitBodies,
  type LinkPorts,
  MAX_ANSWER_BYTES,
  type SignedLink,
  within,
} from './answer.ts'
import { withImages } from './inline-images.ts'

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
    ...(received.undecoded && { undecoded: received.undecoded }),
    ...(received.truncated && { truncated: received.truncated }),
    ...expiryFields(received),
  }
}

/** A message whose content has expired: what its row says. */
export function expiredReceived(received: ReceivedMessage, format: HtmlFormat) {
  const { undecoded = [], truncated = [] } = received
  const nothing = { html: null, text: null, headers: null, raw: null, html_format: format }
  return { object: 'email', ...listedReceived(received), ...envelopeFields(received), ...nothing, undecoded, truncated }
}

const envelopeFields = ({ envelope: { reconstructed, verdicts } }: ReceivedMessage) => ({
  ...(reconstructed && { reconstructed }),
  ...(verdicts && { verdicts }),
})

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

type WholeOptions = {
  readonly raw: SignedLink
  readonly format: HtmlFormat
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/**
 * Maps a whole message. What does not fit an answer is left out, never cut: first images stay `cid:` addresses, then
 * `html` and `text` are null and behind a link, then `headers` are null. `raw` always has everything.
 */
export async function wholeReceived(ports: LinkPorts, whole: WholeReceived, { raw, format, signal }: WholeOptions) {
  const { received, reading, attachments } = whole
  const frame = {
    object: 'email',
    ...listedReceived(received),
    to: formatAddresses(reading.to),
    cc: formatAddresses(reading.cc),
    bcc: formatAddresses(reading.bcc),
    reply_to: formatAddresses(reading.replyTo),
    attachments: within(attachments.map(inboundAttachment), MAX_ATTACHMENTS_BYTES),
    ...envelopeFields(received),
    truncated: reading.truncated,
    undecoded: reading.undecoded,
    raw,
    html_format: format,
  }
  const room = MAX_ANSWER_BYTES - bytesOf(frame) - LINKS_BYTES
  const all = headersOf(reading.headers)
  const headers = bytesOf(all) <= room ? all : null
  const forBodies = room - (headers === null ? 0 : bytesOf(headers))
  const { html, ...rest } = await fitBodies(ports, received, reading, forBodies)
  const range: Range = (from, to) => readRange(ports.blobs, received.content.blob, from, to)
  const forImages = forBodies - bytesOf(html) - bytesOf(rest.text)
  const shown =
    html !== null && format === 'data_uri'
      ? await withImages(html, attachments, range, { maxBytes: forImages, signal })
      : html
  return { ...frame, ...rest, html: shown, headers }
}

/** Reserved for the links to two bodies: S3's session tokens make each about 2 KB. */
const LINKS_BYTES = 10_000

/** Maps fields by lower-case name; values of a repeated field are joined by line feeds. */
function headersOf(fields: Reading['headers']): Readonly<Record<string, string>> {
  const byName = Map.groupBy(fields, ({ name }) => name.toLowerCase())
  return Object.fromEntries([...byName].map(([name, same]) => [name, same.map(({ value }) => value).join('\n')]))
}
