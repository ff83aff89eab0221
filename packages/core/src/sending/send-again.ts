import { parseMailbox } from '@kabutar/mail/address.ts'
import type { ApiKey } from '../accounts/keys.ts'
import type { Draft } from '../messages/content.ts'
import { type MemoryPorts, whileShowing } from '../messages/memory.ts'
import { getSent, getWholeSent } from '../messages/read.ts'
import { contentGone } from '../messages/stored-reading.ts'
import { type SubmitPorts, submit } from './submit.ts'

/**
 * Sends the content of a sent message as a new one, to the same recipients. It is accepted as any other is,
 * and holds memory as a request of its size does.
 * @throws {MailError} as `submit`, `not_found` once the content was deleted, and `busy`
 */
export async function sendAgain(
  ports: SubmitPorts & MemoryPorts,
  key: ApiKey,
  id: string,
  idempotencyKey?: string,
): Promise<{ readonly id: string }> {
  const { size } = await getSent(ports.table, key.accountId, id)
  return whileShowing(ports, size, async () =>
    submit(ports, key, await draftOf(ports, key.accountId, id), idempotencyKey),
  )
}

async function draftOf(ports: SubmitPorts, accountId: string, id: string): Promise<Draft> {
  const { message, content } = await getWholeSent(ports, accountId, id)
  if (content === undefined) throw contentGone(message.expiredAt)
  return {
    from: parseMailbox(message.from),
    to: message.to.map(parseMailbox),
    cc: message.cc.map(parseMailbox),
    bcc: message.bcc.map(parseMailbox),
    replyTo: message.replyTo.map(parseMailbox),
    subject: message.subject,
    tags: message.tags,
    ...content,
  }
}
