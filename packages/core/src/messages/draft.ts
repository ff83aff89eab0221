import { createHash } from 'node:crypto'
import type { Mailbox } from '@kabutar/mail/address.ts'
import type { ComposeAttachment } from '@kabutar/mail/compose.ts'

export type Tag = { readonly name: string; readonly value: string }
/** A file whose bytes came before: see uploads.ts. */
export type UploadedAttachment = Omit<ComposeAttachment, 'content'> & { readonly uploadId: string }
export type DraftAttachment = ComposeAttachment | UploadedAttachment
/** What an application asks us to send, whichever front end it came by. Addresses are parsed, headers are not yet checked. */
export type Draft = {
  readonly from: Mailbox
  readonly to: readonly Mailbox[]
  readonly cc: readonly Mailbox[]
  readonly bcc: readonly Mailbox[]
  readonly replyTo: readonly Mailbox[]
  readonly subject: string
  readonly html?: string
  readonly text?: string
  readonly headers: Readonly<Record<string, string>>
  readonly tags: readonly Tag[]
  readonly attachments: readonly DraftAttachment[]
}

/** Equal for drafts that say the same, whatever the order of their headers; an upload is told by its id. */
export function digestOf(draft: Draft): string {
  const hash = createHash('sha256')
  const headers = Object.entries(draft.headers).sort(([a], [b]) => (a < b ? -1 : 1))
  const attachments = draft.attachments.map((attachment) => {
    if ('uploadId' in attachment) return attachment
    const { content, ...described } = attachment
    return { ...described, size: content.byteLength }
  })
  const { from, to, cc, bcc, replyTo, subject, html, text, tags } = draft
  hash.update(
    JSON.stringify([from, to, cc, bcc, replyTo, subject, html ?? null, text ?? null, tags, headers, attachments]),
  )
  for (const attachment of draft.attachments) if ('content' in attachment) hash.update(attachment.content)
  return hash.digest('base64url')
}
