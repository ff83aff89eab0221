import { parseMailbox } from '@kabutar/mail/address.ts'
import { compose } from '@kabutar/mail/compose.ts'
import type { Composed } from './content.ts'
import { createdAtOf, fromDomain, ownMessageId, type SentMessage } from './message.ts'

/** Composes the message from stored fields alone, so that a second attempt is byte-equal. */
export async function composeMessage(message: SentMessage, content: Composed): Promise<Uint8Array> {
  return compose({
    id: message.id,
    date: createdAtOf(message),
    messageId: ownMessageId(message.id, fromDomain(message)),
    from: parseMailbox(message.from),
    to: message.to.map(parseMailbox),
    cc: message.cc.map(parseMailbox),
    replyTo: message.replyTo.map(parseMailbox),
    subject: message.subject,
    ...(content.html !== undefined && { html: content.html }),
    ...(content.text !== undefined && { text: content.text }),
    headers: content.headers,
    attachments: content.attachments,
  })
}
