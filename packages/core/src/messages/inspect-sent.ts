/** Reads a sent message for people. It composes and parses, so callers load this file when they need it. */
import { type Range, readMessage } from '@kabutar/mail/read/message.ts'
import { composeMessage } from './compose-message.ts'
import { type ContentPorts, getContent } from './content.ts'
import type { Inspected } from './inspected.ts'
import type { SentMessage } from './message.ts'
import { INDEX_MESSAGE, readingSteps } from './reading-jobs.ts'
import { receivedAttachments } from './received.ts'
import { contentGone } from './stored-reading.ts'

/** Composes a sent message as its recipients got it, without a relay's signature. @throws {MailError} `not_found` once its content was deleted */
export async function inspectSent(ports: ContentPorts, message: SentMessage): Promise<Inspected> {
  const content = await getContent(ports, message)
  if (content === undefined) throw contentGone(message.expiredAt)
  const raw = await composeMessage(ports.compute, message, content)
  const range: Range = async function* (from, to) {
    yield raw.subarray(from, to)
  }
  const index = await ports.compute.run(INDEX_MESSAGE, raw, raw.byteLength)
  const reading = await readMessage(index, range, readingSteps(ports.compute))
  const attachments = receivedAttachments(message.id, reading)
  return { id: message.id, size: raw.byteLength, reading, root: index.root, attachments, range }
}
