import { isAscii } from 'node:buffer'
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
    ...((text !== '' || html === undefined) && { text: withLineFeeds(text) }),
    ...(html !== undefined && { html: withLineFeeds(html) }),
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

/** A bare CR would be signed as it is and become CRLF on the wire. The composer writes each line feed as CRLF. */
const withLineFeeds = (text: string) => text.replace(/\r\n?/g, '\n')
/** A field that the composer neither encodes nor folds. */
const prepared = (key: string, value: string) => ({ key, value: { prepared: true, value } })
const addressee = ({ name, address }: Mailbox) => ({ name, address })

function attached(attachment: ComposeAttachment) {
  const { filename, content, contentType, contentId } = transportable(attachment)
  return {
    filename,
    content: Buffer.from(content.buffer, content.byteOffset, content.byteLength),
    ...(contentType !== undefined && { contentType }),
    // Always set: without it an attached message would be shown as part of the mail.
    ...(contentId === undefined
      ? { contentDisposition: 'attachment' }
      : { cid: contentId, contentDisposition: 'inline' }),
  }
}

/** RFC 5322 section 2.1.1. */
const MAX_LINE_BYTES = 998
const LF = 0x0a
const CR = 0x0d
const FILE = 'application/octet-stream'

/**
 * Answers the form that an attachment goes in. An attached message must not be encoded (RFC 2046 section 5.2.1), and the
 * composer encodes nothing whose type begins with `message/`. So it goes as it is if every server takes that: ASCII without
 * NUL, in lines that end in CRLF and are not too long. Otherwise it goes as a file, in base64.
 */
function transportable(attachment: ComposeAttachment): ComposeAttachment {
  const { contentType = '', filename } = attachment
  if (!/^message\//i.test(contentType)) return attachment
  const content = withCrlf(attachment.content)
  if (content !== undefined) return { ...attachment, content }
  const isMessage = /^message\/(rfc822|global)\b/i.test(contentType) && !/\.eml$/i.test(filename)
  return { ...attachment, contentType: FILE, filename: isMessage ? `${filename}.eml` : filename }
}

/** Makes every line end in CRLF. Answers undefined for content that has a bare CR, or that must be encoded. */
function withCrlf(content: Uint8Array): Uint8Array | undefined {
  if (!isAscii(content) || content.includes(0)) return undefined
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1')
  if (/\r(?!\n)/.test(text)) return undefined
  let start = 0
  for (let end = content.indexOf(LF); start < content.length; end = content.indexOf(LF, start)) {
    const stop = end < 0 ? content.length : end
    if (stop - start - (content[stop - 1] === CR ? 1 : 0) > MAX_LINE_BYTES) return undefined
    start = stop + 1
  }
  return Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1')
}
