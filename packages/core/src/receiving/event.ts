import { eventId, type MailEvent } from '../webhooks/event.ts'
import type { Received } from './received.ts'

/** `email.received`: what came, and by which id to read it; never the content. One for each message and account. */
export function receivedEvent(received: Received): MailEvent {
  const { accountId, id, envelope, attachments } = received
  const createdAt = new Date(envelope.receivedAt)
  return {
    id: eventId({ accountId, messageId: id, recipient: '', type: 'email.received', occurrence: '' }),
    type: 'email.received',
    messageId: id,
    recipient: '',
    createdAt,
    data: {
      email_id: id,
      created_at: createdAt.toISOString(),
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
    },
  }
}
