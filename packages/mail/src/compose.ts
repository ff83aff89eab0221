import type { Mailbox } from './address.ts'
import { asciiSubject, customValue } from './field-value.ts'
import { htmlToText } from './html-to-text.ts'

export type ComposeAttachment = {
  readonly filename: string
  readonly content: Uint8Array
  readonly contentType?: string
  /** Without angle brackets (RFC 2392). Makes the part inline, beside the html. */
  readonly contentId?: string
}
/** The fields and parts of a message. Bcc is missing, since it is in the envelope only (RFC 5322 section 3.6.3). */
export type Composition = {
  /** Seeds the MIME boundaries; at most 70 characters of `bchars` (RFC 2046 section 5.1.1). */
  readonly id: string
  readonly date: Date
  /** With angle brackets. */
  readonly messageId: string
  readonly from: Mailbox
  readonly to: readonly Mailbox[]
  readonly cc: readonly Mailbox[]
  readonly replyTo: readonly Mailbox[]
  readonly subject: string
  readonly html?: string
  /** If it is missing, it is made from the html; if it is empty, the message has no plain text. */
  readonly text?: string
  readonly headers: Readonly<Record<string, string>>
  readonly attachments: readonly ComposeAttachment[]
}

/** The plain text of a longer html ends early: it must not make a message much larger than the relay takes. */
const MAX_HTML_LENGTH = 4 * 1024 * 1024

/** Loads the composer. Each call of `compose` does, since most processes never compose. */
export const loadComposer = () => import('nodemailer/lib/mail-composer')

/**
 * Composes the bytes of a message (RFC 5322, MIME), with CRLF line ends. A pure function of its argument, so a second
 * attempt sends the same bytes.
 */
export async function compose(composition: Composition): Promise<Uint8Array> {
  const { default: MailComposer } = await loadComposer()
  const { id, date, messageId, from, to, cc, replyTo, subject, html, headers, attachments } = composition
  const text = composition.text ?? (html === undefined ? '' : htmlToText(html.slice(0, MAX_HTML_LENGTH)))
  const ascii = asciiSubject(subject)
  const composer = new MailComposer({
    baseBoundary: id,
    date,
    messageId,
    from: from as { name: string; address: string },
    to: to.map(addressee),
    cc: cc.map(addressee),
    replyTo: replyTo.map(addressee),
    ...(ascii === undefined && { subject }),
    ...((text !== '' || html === undefined) && { text }),
    ...(html !== undefined && { html }),
    headers: [
      ...(ascii === undefined ? [] : [prepared('Subject', ascii)]),
      ...Object.entries(headers).map(([name, value]) => prepared(name, customValue(name, value))),
    ],
    attachments: attachments.map(attached),
    newline: '\r\n',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return await composer.compile().build()
}

/** A field that the composer neither encodes nor folds. */
const prepared = (key: string, value: string) => ({ key, value: { prepared: true, value } })
const addressee = ({ name, address }: Mailbox) => ({ name, address })

function attached({ filename, content, contentType, contentId }: ComposeAttachment) {
  return {
    filename,
    content: Buffer.from(content.buffer, content.byteOffset, content.byteLength),
    ...(contentType !== undefined && { contentType: transportable(contentType, content) }),
    // Always set: without it an attached message would be shown as part of the mail.
    ...(contentId === undefined
      ? { contentDisposition: 'attachment' }
      : { cid: contentId, contentDisposition: 'inline' }),
  }
}

/** RFC 5322 section 2.1.1. */
const MAX_LINE_BYTES = 998
const LF = 0x0a
const FILE = 'application/octet-stream'

/**
 * Answers the media type that an attachment goes as. An attached message must not be encoded (RFC 2046 section 5.2.1), so
 * one with lines that no relay takes goes as a file, in base64.
 */
function transportable(contentType: string, content: Uint8Array): string {
  if (!/^message\/(rfc822|global)\b/i.test(contentType)) return contentType
  let start = 0
  for (let end = content.indexOf(LF); end >= 0; end = content.indexOf(LF, start)) {
    if (end - start > MAX_LINE_BYTES + 1) return FILE
    start = end + 1
  }
  return content.length - start > MAX_LINE_BYTES || content.includes(0) ? FILE : contentType
}
