import { parseMailbox } from '@kabutar/mail/address.ts'
import type { ApiKey } from '../accounts/keys.ts'
import { MailError } from '../errors.ts'
import type { Draft } from '../messages/content.ts'
import { getWholeSent } from '../messages/read.ts'
import { type SubmitPorts, submit } from './submit.ts'

/**
 * Sends the content of a sent message as a new one, to the same recipients. It is accepted as any other is.
 * @throws {MailError} as `submit`, and `not_found` once the content was deleted
 */
export async function sendAgain(
  ports: SubmitPorts,
  key: ApiKey,
  id: string,
  idempotencyKey?: string,
): Promise<{ readonly id: string }> {
  const { message, content } = await getWholeSent(ports, key.accountId, id)
  if (content === undefined) throw new MailError('not_found', 'The content of the email was deleted.')
  const draft: Draft = {
    from: parseMailbox(message.from),
    to: message.to.map(parseMailbox),
    cc: message.cc.map(parseMailbox),
    bcc: message.bcc.map(parseMailbox),
    replyTo: message.replyTo.map(parseMailbox),
    subject: message.subject,
    tags: message.tags,
    ...content,
  }
  return submit(ports, key, draft, idempotencyKey)
}
