import type { Rcpt } from './parse-command.ts'
import { needsSmtputf8 } from './parse-command.ts'
import type { Reply } from './replies.ts'
import type { Session } from './session.ts'
import { infoOf } from './session.ts'

const OK: Reply = { code: 250, status: '2.1.5', text: 'Ok' }

/**
 * Performs RCPT (RFC 5321 section 4.1.1.3): asks the backend. A repeated recipient is kept once.
 * @throws {MailError} the backend's refusal
 */
export async function rcpt(session: Session, { path }: Rcpt): Promise<Reply> {
  const { transaction, listener, connection } = session
  if (transaction === undefined) return { code: 503, status: '5.5.1', text: 'Say MAIL first' }
  if (path.utf8 && !transaction.smtputf8) throw needsSmtputf8()
  const address = path.address === 'postmaster' ? `postmaster@${listener.hostname}` : path.address
  const { recipients } = transaction
  if (recipients.includes(address)) return OK
  if (recipients.length >= listener.limits.recipients) {
    return { code: 452, status: '4.5.3', text: 'Too many recipients, send the rest in another message' }
  }
  connection.allow(listener.limits.backendMs)
  await listener.backend.recipient(infoOf(session), address)
  recipients.push(address)
  return OK
}
