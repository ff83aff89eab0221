import { parseMailbox } from '@kabutar/mail/address.ts'
import { type Composition, compose } from '@kabutar/mail/compose.ts'
import type { Compute, Job } from '../ports/compute.ts'
import type { Composed } from './content.ts'
import { createdAtOf, fromDomain, ownMessageId, type SentMessage } from './message.ts'

/** The plain text of 256 KB of HTML, or 256 KB to encode, take some ten milliseconds. */
export const COMPOSE: Job<Composition, Uint8Array> = { name: 'compose', largeBytes: 256 * 1024, run: compose }

/** Composes the message from stored fields alone, so that a second attempt is byte-equal. Uses up the attachments. */
export async function composeMessage(compute: Compute, message: SentMessage, content: Composed): Promise<Uint8Array> {
  const composition: Composition = {
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
  }
  const files = content.attachments.map((attachment) => attachment.content)
  return compute.run(COMPOSE, composition, message.size, files)
}
