import type { MailEvent } from '../webhooks/event.ts'
import type { Received } from './received.ts'

/**
 * `email.received`: what came, and by which id to read it; never the content. One for each message and account. Its data
 * lies in the message's own row, and is what that row tells of the header fields (received-row.ts).
 */
export function receivedData(received: Received): MailEvent['data'] {
  const { id, envelope, attachments } = received
  return {
    email_id: id,
    created_at: new Date(envelope.receivedAt).toISOString(),
    from: received.from,
    to: received.to,
    cc: received.cc,
    bcc: received.bcc,
    received_for: envelope.recipients,
    message_id: received.messageId,
    subject: received.subject,
    attachments: attachments.map(({ id, filename, contentType, disposition, contentId }) => ({
      id,
      filename,
      content_type: contentType,
      content_disposition: disposition,
      content_id: contentId,
    })),
  }
}

/** What `receivedData` made, of any version. */
export type ReceivedData = {
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly received_for: readonly string[]
  readonly message_id: string
  readonly subject: string
  readonly attachments: readonly {
    readonly id: string
    readonly filename: string | null
    readonly content_type: string
    readonly content_disposition: string | null
    readonly content_id: string | null
  }[]
}
