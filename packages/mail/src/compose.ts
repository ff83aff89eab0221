import type { Mailbox } from './address.ts'

export type ComposeAttachment = {
  readonly filename: string
  readonly content: Uint8Array
  readonly contentType?: string
  /** Without angle brackets (RFC 2392); makes the part inline, beside the html. */
  readonly contentId?: string
}
/** All that a message is made of. Bcc is not here: it lives in the envelope only (RFC 5322 section 3.6.3). */
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
  /** Missing: made from the html. Empty: none. */
  readonly text?: string
  readonly headers: Readonly<Record<string, string>>
  readonly attachments: readonly ComposeAttachment[]
}

/**
 * The message as bytes for the wire (RFC 5322, MIME), lines ended by CRLF. A pure function of its argument: a second
 * attempt sends the same bytes. The composer is loaded at the first call, since most processes never compose.
 */
export async function compose(composition: Composition): Promise<Uint8Array> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const { id, date, messageId, from, to, cc, replyTo, subject, html, headers, attachments } = composition
  const text = composition.text ?? (html === undefined ? '' : await textOf(html))
  const composer = new MailComposer({
    baseBoundary: id,
    date,
    messageId,
    from: from as { name: string; address: string },
    to: to.map(addressee),
    cc: cc.map(addressee),
    replyTo: replyTo.map(addressee),
    subject,
    ...((text !== '' || html === undefined) && { text }),
    ...(html !== undefined && { html }),
    headers: Object.entries(headers).map(([key, value]) => ({ key, value })),
    attachments: attachments.map(attached),
    newline: '\r\n',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return await composer.compile().build()
}

const addressee = ({ name, address }: Mailbox) => ({ name, address })

function attached({ filename, content, contentType, contentId }: ComposeAttachment) {
  return {
    filename,
    content: Buffer.from(content.buffer, content.byteOffset, content.byteLength),
    ...(contentType !== undefined && { contentType }),
    // Said in any case: a message without it would be shown in place.
    ...(contentId === undefined
      ? { contentDisposition: 'attachment' }
      : { cid: contentId, contentDisposition: 'inline' }),
  }
}

const MAX_HTML_LENGTH = 1 << 22

/** What a reader without html sees. Past 4 Mi characters the rest is left out, so that its cost stays bounded. */
export async function textOf(html: string): Promise<string> {
  const { convert } = await import('html-to-text')
  return convert(html, {
    wordwrap: 78,
    limits: { maxInputLength: MAX_HTML_LENGTH, maxDepth: 100, ellipsis: '...' },
    selectors: [
      { selector: 'img', format: 'skip' },
      { selector: 'a', options: { hideLinkHrefIfSameAsText: true, ignoreHref: false } },
    ],
  })
}
